"""Lineage of a hand-made chain, and the way from rows to models and back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danlu.artifacts.manifest import Manifest, Parent, SourceRecord
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.registry.lineage import lineage, models_that_saw, rows_that_trained
from danlu.settings import Workspace


@pytest.fixture
def store(workspace: Workspace) -> ArtifactStore:
    return ArtifactStore(workspace.artifacts)


def publish(store: ArtifactStore, kind: str, name: str, *parents: Artifact, rows: Any = None, **about: Any) -> Artifact:
    manifest = Manifest(
        id=f"{name:0<16}",
        kind=kind,
        stage=kind,
        name=name,
        stage_version=1,
        settings={},
        parents=[Parent(field="x", name=each.manifest.name, kind=each.kind, id=each.id) for each in parents],
        created=f"2026-01-01T00:00:00.{len(list(store.all())):03}+00:00",
        seconds=2.0,
        peak_memory_bytes=1,
        **about,
    )
    with store.publish(kind, manifest.id) as (directory, commit):
        if rows is not None:
            (directory / "train").mkdir()
            pq.write_table(pa.table({"id": pa.array(rows, pa.string())}), directory / "train" / "documents.parquet")
        return commit(manifest)


def test_parents_come_before_children_and_each_once(store: ArtifactStore) -> None:
    source = SourceRecord(uri="file:a.json", sha256="cd" * 32, num_bytes=3)
    base = publish(store, "model", "base", sources=[source], facts={"num_parameters": 7, "long": "x" * 1000})
    rows = publish(store, "examples", "rows")
    packed = publish(store, "tokens", "packed", rows, base)
    tuned = publish(store, "model", "tuned", base, packed)
    proof = publish(store, "report", "proof", base, tuned, rows)
    release = publish(store, "release", "release", tuned, proof)
    publish(store, "model", "stranger")
    found = lineage(store, release)
    assert [entry["name"] for entry in found] == ["base", "rows", "packed", "tuned", "proof", "release"]
    assert found[0]["sources"] == [{"uri": "file:a.json", "sha256": "cd" * 32}]
    assert found[0]["facts"] == {"num_parameters": 7}
    assert found[2]["parents"] == [rows.id, base.id]
    assert found[0]["seconds"] == 2.0
    assert not any(entry["missing"] for entry in found)


def test_a_removed_ancestor_is_still_named(store: ArtifactStore) -> None:
    base = publish(store, "model", "base")
    tuned = publish(store, "model", "tuned", base)
    store.remove(base)
    first, last = lineage(store, tuned)
    assert (first["id"], first["name"], first["missing"]) == (base.id, "base", True)
    assert last["missing"] is False


def test_rows_lead_to_models_and_models_to_rows(store: ArtifactStore) -> None:
    base = publish(store, "model", "base")
    first = publish(store, "tokens", "first", base, rows=["a", "b", "c"])
    second = publish(store, "tokens", "second", base, rows=["c", "d"])
    once = publish(store, "model", "once", base, first)
    twice = publish(store, "model", "twice", once, second)
    other = publish(store, "model", "other", base, second)
    assert rows_that_trained(store, base) == []
    assert rows_that_trained(store, once) == ["a", "b", "c"]
    assert rows_that_trained(store, twice) == ["a", "b", "c", "d"]
    assert [model.id for model in models_that_saw(store, "a")] == [once.id, twice.id]
    assert [model.id for model in models_that_saw(store, "c")] == [once.id, twice.id, other.id]
    assert [model.id for model in models_that_saw(store, "d")] == [twice.id, other.id]
    assert models_that_saw(store, "nobody") == []
