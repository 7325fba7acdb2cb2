"""Semantic duplicates: what is left out equals a comparison of all pairs; clusters lose only pairs across borders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import danlu
from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.examples import read_examples
from danlu.artifacts.stage import as_given
from danlu.corpus.config import CleanConfig
from danlu.corpus.duplicates import semantic
from danlu.corpus.item import id_of_text
from danlu.corpus.working import driver
from danlu.errors import Stopped, UserError
from danlu.models.embedding import Embedder
from danlu.settings import Workspace
from encoder_directory import make_encoder


def directions(num_rows: int, size: int, seed: int) -> Any:
    """Some of them near others."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(num_rows, size)).astype(np.float32)
    for row in range(1, num_rows):
        if rng.random() < 0.4:
            rows[row] = rows[rng.integers(row)] + rng.normal(size=size) * rng.choice([0.05, 0.3])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slowly(embeddings: Any, rows: list[int], at_least: float) -> dict[int, int]:
    kept: list[int] = []
    found = {}
    for row in rows:
        first = next((other for other in kept if float(embeddings[row] @ embeddings[other]) >= at_least), None)
        if first is None:
            kept.append(row)
        else:
            found[row] = first
    return found


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 80), st.integers(0, 1000), st.integers(1, 20), st.integers(1, 20), st.sampled_from([0.7, 0.95]))
def test_all_pairs_are_compared(num_rows: int, seed: int, at_once: int, columns: int, at_least: float) -> None:
    embeddings = directions(num_rows, 8, seed) if num_rows else np.zeros((0, 8), np.float32)
    rows = np.flatnonzero(np.random.default_rng(seed).random(num_rows) < 0.8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "ROWS_AT_ONCE", at_once)
        patch.setattr(semantic, "COLUMNS_AT_ONCE", columns)
        found = list(semantic.repeated(embeddings, rows, at_least))
    assert {row: first for row, first, _ in found} == slowly(embeddings, rows.tolist(), at_least)
    for row, first, cosine in found:
        assert cosine == pytest.approx(float(embeddings[row] @ embeddings[first]), abs=1e-6)


def test_clusters_hold_each_row_once_and_most_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "MOST_TOGETHER", 500)
    monkeypatch.setattr(semantic, "ROWS_OF_A_CLUSTER", 300)
    rng = np.random.default_rng(4)
    topics = rng.normal(size=(40, 16)) * 3
    rows = (topics[rng.integers(0, 40, 3000)] + rng.normal(size=(3000, 16))).astype(np.float32)
    rows[1::3] = rows[::3] + rng.normal(size=(1000, 16)) * 0.05
    embeddings = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    numbers = np.arange(2, 3000)
    found = list(semantic.clusters(embeddings, numbers))
    assert len(found) == 10
    assert sorted(np.concatenate(found).tolist()) == numbers.tolist()
    assert all((np.diff(cluster) > 0).all() for cluster in found)
    left_out = {row for cluster in found for row, _, _ in semantic.repeated(embeddings, cluster, 0.99)}
    expected = set(slowly(embeddings, numbers.tolist(), 0.99))
    assert left_out <= expected
    assert len(left_out) > 0.97 * len(expected)


TEXTS = [
    "the quick fox jumps over the lazy dog",
    "the quick fox jumps over the lazy dog , sun",
    "丹 炉 火 水 moon sets moon sets",
    "the quick fox jumps over a lazy dog",
    "sun rises from the moon",
]


def made(tmp_path: Path, name: str, into: str, rows: list[Any], **settings: Any) -> Path:
    """The artifact that a recipe makes whose encoder is imported."""
    encoder = make_encoder(tmp_path / "encoder")
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    deduplicate = {"semantic": {"embeddings": "encoder", "at_least": 0.97}}
    clean = {"do": "clean", "into": into, "from": "texts.jsonl", "deduplicate": deduplicate, **settings}
    stages = {"encoder": {"do": "import", "from": str(encoder)}, "texts": clean}
    recipe = tmp_path / f"{name}.yaml"
    recipe.write_text(yaml.safe_dump({"name": name, "stages": stages}))
    return Path(danlu.run(recipe, workspace=tmp_path / name).to_json()["stages"]["texts"]["path"])


def expected_pairs(tmp_path: Path, texts: list[str]) -> dict[int, int]:
    embeddings = Embedder(make_encoder(tmp_path / "another"), 256).embed(texts)
    return slowly(embeddings, list(range(len(texts))), 0.97)


def test_documents_are_left_out_with_the_one_they_repeat(tmp_path: Path, workspace: Workspace) -> None:
    pairs = expected_pairs(tmp_path, TEXTS)
    assert pairs
    assert len(pairs) < len(TEXTS) - 1
    out = made(tmp_path, "one", "corpus", [{"text": text} for text in TEXTS], processes=1)
    manifest = json.loads((out / "artifact.json").read_text())
    given = as_given(CleanConfig, manifest["settings"])
    assert CleanConfig.model_validate({**given, "into": "corpus"}).deduplicate.semantic is not None
    assert [parent["kind"] for parent in manifest["parents"]] == ["model"]
    kept = [row["row"] for batch in read_documents(out, "train") for row in batch.to_pylist()]
    assert kept == [row for row in range(len(TEXTS)) if row not in pairs]
    for row in read_dropped(out):
        assert row["reason"].startswith(f"semantic duplicate of {id_of_text(TEXTS[pairs[row['row']]])} (0.")


def test_a_run_that_was_stopped_embeds_only_the_rest(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "PART_BYTES", 100)
    rows = [{"text": text} for text in TEXTS]
    whole = made(tmp_path, "whole", "corpus", rows)
    embed, seen = Embedder.embed, []

    def interrupted(self: Embedder, texts: Any) -> Any:
        if len(seen) == 2:
            seen.append("stopped")
            raise Stopped(15, "")
        seen.append(texts)
        return embed(self, texts)

    monkeypatch.setattr(Embedder, "embed", interrupted)
    with pytest.raises(Stopped):
        made(tmp_path, "cut", "corpus", rows)
    resumed = made(tmp_path, "cut", "corpus", rows)
    assert sum(map(len, seen)) - len("stopped") == len(TEXTS), "nothing is embedded twice"
    for name in ("train-00000.parquet", "dropped.parquet"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes()


@pytest.mark.parametrize("semantic", [{}, {"embeddings": "encoder", "at_least": 1.1}, {"embeddings": "nowhere"}])
def test_settings_that_make_no_sense(tmp_path: Path, semantic: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        made(tmp_path, "one", "corpus", [{"text": "x"}], deduplicate={"semantic": semantic})


def test_conversations_are_compared_too(tmp_path: Path, workspace: Workspace) -> None:
    rows = [{"instruction": text, "output": "the moon rises"} for text in TEXTS]
    out = made(tmp_path, "one", "examples", rows)
    pairs = expected_pairs(tmp_path, [f"{text}\nthe moon rises" for text in TEXTS])
    assert {row["row"] for row in read_dropped(out)} == set(pairs)
    assert len(list(read_examples(out, "train"))) == len(TEXTS) - len(pairs)
