"""From a document to every artifact and model that saw it, and to those that left it out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.corpus.item import id_of_text
from danlu.errors import UserError
from danlu.registry.holders import DATA_KINDS, Holding, holdings, reached, repeating, texts_with
from danlu.registry.registry import Registry
from danlu.settings import Workspace
from danlu.training.tracing import ModelTrace

MOST_IN_TEXT = 200
"""Documents that hold a piece of text, as many as are listed."""


def trace_document(workspace: Workspace, document_id: str, *, steps: bool = False) -> dict[str, Any]:
    """``{"document", "held", "left_out", "repeated_by", "reached", "steps"}``.

    Args:
        workspace: To look in.
        document_id: As in artifacts.
        steps: Whether to say at which steps each model read it, for which every batch is made once more.

    Raises:
        UserError: nothing in the workspace knows the document.
    """
    store = ArtifactStore(workspace.artifacts)
    found = holdings(store, [document_id])
    repeated = repeating(store, [document_id])
    if not found and not repeated:
        raise UserError(
            f"No artifact in {workspace.root} has a document {document_id!r}, and none left one out.",
            "Ids have 16 hex digits, as in dropped.parquet. Look for a text with: danlu trace text",
        )
    return {
        "document": document_id,
        **spread(workspace, store, found),
        "repeated_by": [each.as_json() for each in repeated],
        "steps": _steps(store, found) if steps else None,
    }


def trace_text(workspace: Workspace, text: str, *, inside: bool) -> dict[str, Any]:
    """The documents that are this text (after NFKC, white space run together), and those that hold it.

    Args:
        workspace: To look in.
        text: Whole, or a piece.
        inside: Whether to look for it within documents, too: every text is read.
    """
    if not text.strip():
        raise UserError("There is nothing to look for in an empty text.", "danlu trace text 'some words of it'")
    store = ArtifactStore(workspace.artifacts)
    whole = id_of_text(text)
    found = holdings(store, [whole])
    holding: list[Holding] = []
    if inside:
        holding = [
            Holding(artifact, each, split, source, row)
            for artifact in store.all()
            if artifact.kind in DATA_KINDS
            for each, split, source, row, _ in texts_with(artifact, [text.strip()])
        ]
    ids = sorted({each.id for each in (*found, *holding)})
    everything = holdings(store, ids) if ids else []
    return {
        "id": whole,
        "is_whole": bool(found),
        "documents": ids[:MOST_IN_TEXT],
        "num_documents": len(ids),
        **spread(workspace, store, everything),
    }


def spread(workspace: Workspace, store: ArtifactStore, found: Collection[Holding]) -> dict[str, Any]:
    """``{"held", "left_out", "reached"}``: where documents are, where they were left out, and what was made of them."""
    versions: dict[str, list[str]] = {}
    for version in Registry.open(workspace).list():
        versions.setdefault(version.artifact_id, []).append(version.reference)
    return {
        "held": [each.as_json() for each in found if each.split is not None],
        "left_out": [each.as_json() for each in found if each.split is None],
        "reached": [
            {**each.as_json(), "versions": versions.get(each.artifact.id, []), **_extent(each.artifact, each.how)}
            for each in reached(store, found)
        ],
    }


def _extent(artifact: Artifact, how: str) -> dict[str, Any]:
    """How often a model read its training tokens: below one, some of them never."""
    trained, facts = artifact.facts.get("num_tokens_trained"), artifact.manifest.parents
    if how != "trained on it" or trained is None:
        return {}
    store = ArtifactStore(artifact.path.parent.parent)
    sources = [store.find(parent.kind, parent.id) for parent in facts if parent.field == "data"]
    total = sum(int(each.facts["num_tokens"]["train"]) for each in sources if each is not None)
    return {"epochs": round(trained / total, 3)} if total else {}


def _steps(store: ArtifactStore, found: Collection[Holding]) -> list[dict[str, Any]]:
    """Of each model that was trained on tokens with the documents, the steps that read them."""
    numbers: dict[str, set[int]] = {}
    for each in found:
        if each.artifact.kind == "tokens" and each.split == "train" and each.number is not None:
            numbers.setdefault(each.artifact.id, set()).add(each.number)
    read = []
    for model in store.all():
        sources = [parent.id for parent in model.manifest.parents if parent.field == "data"]
        if model.kind != "model" or model.manifest.stage != "train" or not set(sources) & set(numbers):
            continue
        trace = ModelTrace.open(model, store)
        steps: set[int] = set()
        for number, tokens in enumerate(sources):
            if tokens in numbers:
                steps |= set(trace.steps_that_read(number, numbers[tokens]))
        read.append({"model": model.id, "name": model.manifest.name, "steps": sorted(steps)})
    return read
