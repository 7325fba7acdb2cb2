"""Where an artifact came from, down to the sources; which rows trained a model, and which models saw a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from danlu.artifacts.manifest import Parent
from danlu.artifacts.store import Artifact, ArtifactStore

KEY_FACT_CHARACTERS = 200
"""A fact whose text is longer stays in the artifact and is left out of the lineage."""


def lineage(store: ArtifactStore, artifact: Artifact) -> list[dict[str, Any]]:
    """Every artifact that `artifact` was made from, and itself last; a parent always comes before its children.

    Each entry: ``{"id", "kind", "stage", "name", "parents": [ids], "sources": [{"uri", "sha256"}], "rights"
    (what is stated of sources, by pattern), "created" (UTC, ISO 8601), "seconds", "facts" (the short ones),
    "missing"}``. ``missing`` is true for an artifact that has since been
    removed from the workspace; then only ``id``, ``kind`` and ``name`` are known.
    """
    entries: dict[str, dict[str, Any]] = {}

    def visit(parent: Parent) -> None:
        if parent.id in entries:
            return
        found = store.find(parent.kind, parent.id)
        if found is None:
            entries[parent.id] = _missing(parent)
            return
        for grandparent in found.manifest.parents:
            visit(grandparent)
        entries[parent.id] = _entry(found)

    for parent in artifact.manifest.parents:
        visit(parent)
    entries[artifact.id] = _entry(artifact)
    return list(entries.values())


def ancestors(store: ArtifactStore, artifact: Artifact) -> list[Artifact]:
    """The artifacts of `lineage` that are still in the workspace, `artifact` itself last."""
    found = (store.find(entry["kind"], entry["id"]) for entry in lineage(store, artifact))
    return [each for each in found if each is not None]


def rows_that_trained(store: ArtifactStore, model: Artifact) -> list[str]:
    """Ids of the examples that were packed into the training rows of `model` and of the models it was made from.

    Sorted, each once. A token budget may have ended the training before every one of them was read.
    """
    return sorted({row for tokens in _tokens_behind(store, model) for row in _training_rows(tokens)})


def models_that_saw(store: ArtifactStore, row: str) -> list[Artifact]:
    """The models whose training data holds the example with this id, oldest first."""
    holds: dict[str, bool] = {}
    seen = []
    for model in store.all():
        if model.kind != "model":
            continue
        for tokens in _tokens_behind(store, model):
            if tokens.id not in holds:
                holds[tokens.id] = row in _training_rows(tokens)
        if any(holds[tokens.id] for tokens in _tokens_behind(store, model)):
            seen.append(model)
    return sorted(seen, key=lambda model: model.manifest.created)


def _tokens_behind(store: ArtifactStore, model: Artifact) -> Iterable[Artifact]:
    return (each for each in ancestors(store, model) if each.kind == "tokens")


def _training_rows(tokens: Artifact) -> set[str]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = tokens.path / "train" / "documents.parquet"
    return set(pc.unique(pq.read_table(path, columns=["id"]).column("id")).to_pylist()) if path.exists() else set()


def _entry(artifact: Artifact) -> dict[str, Any]:
    manifest = artifact.manifest
    return {
        "id": manifest.id,
        "kind": manifest.kind,
        "stage": manifest.stage,
        "name": manifest.name,
        "parents": [parent.id for parent in manifest.parents],
        "sources": [{"uri": source.uri, "sha256": source.sha256} for source in manifest.sources],
        "rights": manifest.settings.get("rights") or {},
        "created": manifest.created,
        "seconds": manifest.seconds,
        "facts": {name: fact for name, fact in manifest.facts.items() if len(repr(fact)) <= KEY_FACT_CHARACTERS},
        "missing": False,
    }


def _missing(parent: Parent) -> dict[str, Any]:
    return {
        "id": parent.id,
        "kind": parent.kind,
        "stage": None,
        "name": parent.name,
        "parents": [],
        "sources": [],
        "rights": {},
        "created": None,
        "seconds": None,
        "facts": {},
        "missing": True,
    }
