"""Which artifacts hold a document, which left it out and why, and everything that was made from those that hold it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts import dropped, tags
from danlu.artifacts.corpus import list_shards
from danlu.artifacts.manifest import Parent
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import read_places

DATA_KINDS = ("corpus", "examples")
DEFAULT_PARTS = {"evaluate": ("test",), "export": ("test",)}
"""What stages take of data when no part is named."""


@dataclass(frozen=True)
class Holding:
    """One place where a document is, or where it was left out."""

    artifact: Artifact
    id: str
    """Of the document."""
    split: str | None
    """That it is on; None if it was left out."""
    source: str
    """URI of its file."""
    row: int | None
    """Its number in the file; None where it is not known."""
    reason: str | None = None
    """Why it was left out."""
    number: int | None = None
    """Of a document in a split of tokens, its place there."""

    def as_json(self) -> dict[str, Any]:
        return {
            **describe(self.artifact),
            "document": self.id,
            "split": self.split,
            "source": self.source,
            "row": self.row,
            "reason": self.reason,
            "number": self.number,
        }


@dataclass
class Reached:
    """An artifact that was made from documents."""

    artifact: Artifact
    how: str
    """What it did with them."""
    through: list[str] = field(default_factory=list)
    """Ids of the artifacts that brought them."""

    def as_json(self) -> dict[str, Any]:
        return {**describe(self.artifact), "how": self.how, "through": self.through}


def describe(artifact: Artifact) -> dict[str, Any]:
    """``{"kind", "id", "name", "created"}``"""
    manifest = artifact.manifest
    return {"kind": manifest.kind, "id": manifest.id, "name": manifest.name, "created": manifest.created}


def data_files(artifact: Artifact, split: str) -> list[Path]:
    """The files of a split of a corpus or of examples."""
    if artifact.kind == "corpus":
        return list_shards(artifact.path, split)
    return [path for path in [artifact.path / f"{split}.parquet"] if path.exists()]


def holdings(store: ArtifactStore, ids: Collection[str]) -> list[Holding]:
    """Every place where documents with these ids are, or were left out: in data first, then in tokens."""
    wanted = sorted(ids)
    found: list[Holding] = []
    artifacts = [each for each in store.all() if each.kind in (*DATA_KINDS, "tokens")]
    for artifact in sorted(artifacts, key=lambda each: (each.kind == "tokens", each.manifest.created, each.id)):
        reader = _in_tokens if artifact.kind == "tokens" else _in_data
        found += reader(artifact, wanted)
        found += _left_out(artifact, wanted)
    return found


def repeating(store: ArtifactStore, ids: Collection[str]) -> list[Holding]:
    """Rows that were left out because they nearly repeat one of these documents."""
    return [
        Holding(artifact, row["id"], None, row["source"], row["row"], row["reason"])
        for artifact in store.all()
        if artifact.kind in DATA_KINDS and (artifact.path / dropped.NAME).exists()
        for row in dropped.read_dropped(artifact.path)
        if any(row["reason"].startswith(f"near duplicate of {each} ") for each in ids)
    ]


def reached(store: ArtifactStore, found: Collection[Holding]) -> list[Reached]:
    """What was made from the places where documents are, the oldest first; tokens are places of their own."""
    children: dict[str, list[tuple[Parent, Artifact]]] = defaultdict(list)
    for artifact in store.all():
        for parent in artifact.manifest.parents:
            children[parent.id].append((parent, artifact))
    splits: dict[str, set[str]] = defaultdict(set)
    for each in found:
        if each.split is not None:
            splits[each.artifact.id].add(each.split)
    by_id: dict[str, Reached] = {}
    pending = [each.artifact for each in {one.artifact.id: one for one in found if one.split}.values()]
    while pending:
        made_from = pending.pop(0)
        for link, child in children[made_from.id]:
            how = _how(made_from, link, child, splits[made_from.id])
            if how is None:
                continue
            if child.id not in by_id:
                by_id[child.id] = Reached(child, how)
                pending.append(child)
            elif how.startswith("trained on"):
                by_id[child.id].how = how
            if made_from.id not in by_id[child.id].through:
                by_id[child.id].through.append(made_from.id)
    return sorted(by_id.values(), key=lambda each: (each.artifact.manifest.created, each.artifact.id))


def _how(parent: Artifact, link: Parent, child: Artifact, splits: set[str]) -> str | None:
    """What a child did with the documents of a parent; None if nothing."""
    if parent.kind in DATA_KINDS:
        if child.kind == "tokens":
            return None  # says itself which documents it holds
        parts = (link.part,) if link.part else DEFAULT_PARTS.get(child.manifest.stage, SPLITS)
        shared = sorted(splits & set(parts))
        return f"took {' and '.join(shared)} as its {link.field}" if shared else None
    if parent.kind == "tokens":
        if "train" in splits:
            return "trained on it"
        measured = "validation" in splits and child.manifest.settings.get("validate_every_steps")
        return "measured on it while it was trained" if measured else None
    if link.field == "tokenizer":
        return None
    return f"made from {parent.kind} {parent.manifest.name} as its {link.field}"


def _in_data(artifact: Artifact, ids: list[str]) -> Iterator[Holding]:
    for split in SPLITS:
        for path in data_files(artifact, split):
            for row in _matching(path, ids, ["id", "source", "row"]):
                yield Holding(artifact, row["id"], split, row["source"], row["row"])


def _in_tokens(artifact: Artifact, ids: list[str]) -> Iterator[Holding]:
    for split in SPLITS:
        for row in read_places(artifact.path, split, ids).to_pylist():
            yield Holding(artifact, row["id"], split, row["source"], row["row"], number=row["number"])


def _left_out(artifact: Artifact, ids: list[str]) -> Iterator[Holding]:
    path = artifact.path / dropped.NAME
    for row in _matching(path, ids, ["id", "source", "row", "reason"]) if path.exists() else ():
        yield Holding(artifact, row["id"], None, row["source"], row["row"], row["reason"])


def _matching(path: Path, ids: list[str], columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path, columns=columns, filters=[("id", "in", ids)]).to_pylist()
    return rows


def tags_of(artifact: Artifact, source: str, row: int) -> dict[str, Any]:
    """What was counted of a row, by the tags' names; empty where it was not judged."""
    path = artifact.path / tags.NAME
    if not path.exists():
        return {}
    found = pq.read_table(path, filters=[("source", "=", source), ("row", "=", row)]).to_pylist()
    places = set(tags.PLACE_SCHEMA.names)
    return {name: value for name, value in found[0].items() if name not in places} if found else {}


def texts_with(artifact: Artifact, needles: Collection[str]) -> Iterator[tuple[str, str, str, int, str]]:
    """Documents whose text holds one of some strings, letters of either case alike.

    Yields:
        Id, split, source, row, and the string.
    """
    for split in SPLITS:
        for path in data_files(artifact, split):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(4096):
                    texts = _texts(batch)
                    for needle in needles:
                        mask = pc.match_substring(texts, needle, ignore_case=True)
                        places = batch.select(["id", "source", "row"]).filter(mask)
                        for row in places.to_pylist():
                            yield row["id"], split, row["source"], row["row"], needle


def _texts(batch: pa.RecordBatch) -> pa.Array:
    """Of documents; or of conversations all that is said, thought and given to tools, also in rejected answers."""
    names = batch.schema.names
    if "text" in names:
        return batch.column("text")
    spoken = [_spoken(batch.column(name)) for name in ("messages", "rejected") if name in names]
    tools = [batch.column("tools")] if "tools" in names else []
    return pc.binary_join_element_wise(*spoken, *tools, "\n", null_handling="skip")


def _spoken(messages: pa.ListArray) -> pa.Array:
    """The turns of each conversation, one behind the other."""
    turns = pc.list_flatten(messages)
    fields = {turns.type.field(number).name for number in range(turns.type.num_fields)}
    texts = [pc.struct_field(turns, name) for name in ("content", "reasoning_content", "tool_calls") if name in fields]
    joined = pc.binary_join_element_wise(*texts, "\n", null_handling="skip")
    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(messages), 0).cast(pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pc.binary_join(pa.ListArray.from_arrays(offsets, joined), "\n")
