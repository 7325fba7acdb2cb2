"""From a token, a row or a step of a training to documents, and from these to files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import TokenStore, read_places
from danlu.errors import UserError
from danlu.models.frame import Frame
from danlu.models.load import load_tokenizer
from danlu.pipeline.tracing.naming import artifact_called, trained_model
from danlu.pipeline.tracing.origin import Document, kept_document, origin_of
from danlu.registry.holders import DATA_KINDS, describe
from danlu.settings import Workspace
from danlu.training.tracing import ModelTrace, ReadRow

CONTEXT_TOKENS = 24
"""On either side of a token, for people."""
LEFT_OUT = "left_out.json"


def trace_token(workspace: Workspace, model: str, step: int, row: int | None, token: int | None) -> dict[str, Any]:
    """What a model read at a step: a row of its batch, or all, and where each document, or one token, came from.

    Returns:
        ``{"model", "step", "num_steps", "left_out", "rows": [{"row", "tokens", "documents": [...]}], "token"}``.

    Raises:
        UserError: there is no such model, step, row or token.
    """
    store = ArtifactStore(workspace.artifacts)
    artifact = trained_model(model, workspace, store)
    trace = ModelTrace.open(artifact, store)
    numbers = range(trace.num_rows(step)) if row is None else [row]
    if row is None and token is not None:
        raise UserError(f"--token {token}: of which row?", "Say the row of the step, too: --row 0")
    found = {
        "model": describe(artifact),
        "step": step,
        "num_steps": trace.num_steps,
        "left_out": step in _steps_left_out(workspace, artifact),
    }
    read = {number: trace.row(step, number) for number in numbers}
    if token is None:
        return {**found, "rows": [_row(number, one, store, workspace) for number, one in read.items()]}
    assert row is not None
    return {**found, "row": row, "token": _token(read[row], token, artifact, store, workspace)}


def trace_row(workspace: Workspace, tokens: str, number: int) -> dict[str, Any]:
    """The documents of a packed row of a token store; of a corpus, whose rows are cut while training, a document.

    Raises:
        UserError: there are no such tokens or there is no such row.
    """
    store = ArtifactStore(workspace.artifacts)
    artifact = artifact_called(tokens, ("tokens",), store)
    split = TokenStore.open(artifact.path, "train")
    is_packed = split.row_offsets is not None
    offsets = split.row_offsets if split.row_offsets is not None else np.arange(split.num_documents + 1)
    if not 0 <= number < len(offsets) - 1:
        what = "packed rows" if is_packed else "documents, and its rows are cut while training"
        raise UserError(
            f"No row {number}: the training split of {artifact.manifest.name} has {len(offsets) - 1:,} {what}.",
            f"Give a number from 0 to {len(offsets) - 2:,}.",
        )
    documents = list(range(int(offsets[number]), int(offsets[number + 1])))
    lengths = split.document_lengths
    return {
        "tokens": describe(artifact),
        "row": number,
        "is_packed": is_packed,
        "documents": [
            {"number": one, "num_tokens": int(lengths[one]), **_document(artifact, one, store, workspace)}
            for one in documents
        ],
    }


def _row(number: int, read: ReadRow, store: ArtifactStore, workspace: Workspace) -> dict[str, Any]:
    """The documents of a row of a batch, in its order."""
    numbers, firsts, counts = np.unique(read.documents, return_index=True, return_counts=True)
    documents = [
        {
            "number": int(numbers[place]),
            "first_token": int(firsts[place]),
            "num_tokens": int(counts[place]),
            **_document(read.tokens, int(numbers[place]), store, workspace),
        }
        for place in np.argsort(firsts)
        if numbers[place] >= 0
    ]
    return {
        "row": number,
        "tokens": describe(read.tokens),
        "num_tokens": len(read.row.input_ids),
        "documents": documents,
    }


def _token(read: ReadRow, token: int, model: Artifact, store: ArtifactStore, workspace: Workspace) -> dict[str, Any]:
    num_tokens = len(read.row.input_ids)
    if not 0 <= token < num_tokens:
        raise UserError(
            f"--token {token}: the row has {num_tokens} tokens.", f"Give a token from 0 to {num_tokens - 1}."
        )
    tokenizer = load_tokenizer(model.path)
    ids = read.row.input_ids
    first, end = max(0, token - CONTEXT_TOKENS), min(num_tokens, token + CONTEXT_TOKENS + 1)
    number = int(read.documents[token])
    found: dict[str, Any] = {
        "token": token,
        "id": int(ids[token]),
        "written": tokenizer.convert_ids_to_tokens(int(ids[token])),
        "before": tokenizer.decode(ids[first:token].tolist()),
        "text": tokenizer.decode([int(ids[token])]),
        "behind": tokenizer.decode(ids[token + 1 : end].tolist()),
        "is_target": bool(read.row.supervised[token]),
        "tokens": describe(read.tokens),
        "position": int(read.positions[token]),
        "number": number,
        "document": None,
        "characters": None,
    }
    if number < 0:
        return {**found, "missing": ["it is of no document: it was put between two segments"]}
    kept = _kept(read.tokens, number, store)
    if kept is None:
        return {**found, **_document(read.tokens, number, store, workspace)}
    own = TokenStore.open(read.tokens.path, "train")
    start, stop = (int(offset) for offset in own.document_offsets[number : number + 2])
    at = _characters(tokenizer, kept, own.input_ids(start, stop), int(read.positions[token]) - start)
    return {**found, "characters": at, **_document(read.tokens, number, store, workspace, at)}


def _document(
    tokens: Artifact, number: int, store: ArtifactStore, workspace: Workspace, at: tuple[int, int] | None = None
) -> dict[str, Any]:
    """``{"document": its origin, "missing": what cannot be told}``."""
    place = read_places(tokens.path, "train").slice(number, 1).to_pylist()[0]
    kept = _kept(tokens, number, store)
    if kept is None:
        parent = next((each for each in tokens.manifest.parents if each.field == "data"), None)
        gone = f"the {parent.kind} {parent.name} ({parent.id}) is gone" if parent else "its data is not named"
        return {"document": {name: place[name] for name in ("id", "source", "row")}, "missing": [gone]}
    missing = [] if place["row"] is not None else ["these tokens were made before rows were kept: it is told by its id"]
    return {"document": origin_of(kept, workspace, at), "missing": missing}


def _kept(tokens: Artifact, number: int, store: ArtifactStore) -> Document | None:
    """The document in the data that tokens were made of."""
    place = read_places(tokens.path, "train").slice(number, 1).to_pylist()[0]
    for parent in tokens.manifest.parents:
        data = store.find(parent.kind, parent.id) if parent.kind in DATA_KINDS else None
        if data is not None:
            return kept_document(data, "train", place["id"], place["source"], place["row"])
    return None


def _characters(
    tokenizer: Any, document: Document, ids: npt.NDArray[np.int64], position: int
) -> tuple[int, int] | None:
    """Which characters of a document of a corpus a token stands for; None of a frame, or where they cannot be told."""
    if document.artifact.kind != "corpus":
        return None
    frame = Frame.of(tokenizer)
    encoded = tokenizer(document.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    inside = ids[len(frame.start) : len(ids) - len(frame.end)]
    place = position - len(frame.start)
    if not np.array_equal(inside, encoded["input_ids"]) or not 0 <= place < len(inside):
        return None
    start, end = encoded["offset_mapping"][place]
    return int(start), int(end)


def _steps_left_out(workspace: Workspace, model: Artifact) -> set[int]:
    """Steps, counted from 1, whose batches were left out of the training because something was wrong with them."""
    found: set[int] = set()
    for path in workspace.runs.glob(f"*/stages/*/{model.id}/{LEFT_OUT}"):
        found |= set(json.loads(path.read_text(encoding="utf-8"))["steps"])
    return found
