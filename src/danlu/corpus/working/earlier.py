"""What is there already, in other artifacts: read once for its keys and signatures, so that what is new can be compared
with it (``deduplicate.against``).

Keys and signatures are made anew and not kept in artifacts: at 512 bytes a document they would be larger than many a
document, and making them takes about as long as reading them would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.corpus import list_shards
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Input
from danlu.corpus.config import AGAINST, CleanConfig
from danlu.corpus.conversations.conversation import example_of
from danlu.corpus.documents.document import document_of
from danlu.corpus.item import Item
from danlu.corpus.working.keys import key_columns, key_fields
from danlu.corpus.working.part_files import PartWriter
from danlu.errors import UserError

TASK_BYTES = 2**25
"""Of what one process does at a time, not packed."""
ITEMS_AT_ONCE = 4096
BODIES = {"corpus": "text", "examples": "messages"}
"""By kind, the column with what an item says."""


@dataclass(frozen=True)
class EarlierTask:
    """A stretch of an artifact's file, and what is to be done to it; see `read_earlier`."""

    kind: str
    artifact: str
    """Kind and id."""
    path: Path
    groups: range
    """Row groups of the file."""
    num_bytes: int
    near: bool
    """Whether signatures are wanted."""
    directory: Path
    """Where the result goes."""


ITEM_OF: dict[str, Callable[[Mapping[str, Any]], Item]] = {"corpus": document_of, "examples": example_of}
"""By kind, what makes an item of a row of an artifact."""


def read_earlier(task: EarlierTask) -> None:
    """Do it. What an item says is kept beside its key, since it may be compared."""
    body, item_of = BODIES[task.kind], ITEM_OF[task.kind]
    schema = pq.read_schema(task.path)
    fields = [schema.field("id"), schema.field(body), *key_fields(near=task.near)]
    with PartWriter(task.directory, pa.schema(fields)) as writer, pq.ParquetFile(task.path) as file:
        for group in task.groups:
            for batch in file.read_row_group(group).to_batches(ITEMS_AT_ONCE):
                items = [item_of(row) for row in batch.to_pylist()]
                columns = {"id": batch.column("id"), body: batch.column(body)}
                writer.write_items(pa.RecordBatch.from_pydict(columns | key_columns(items, near=task.near)))


def check_deduplicate(config: CleanConfig, inputs: Mapping[str, Sequence[Input]]) -> None:
    """
    Raises:
        UserError: an artifact is of another kind than what the stage makes, or a library is missing.
    """
    if config.wants_signatures and find_spec("numba") is None:
        setting = "split.keep_together" if config.deduplicate.near is None else "deduplicate.near"
        raise UserError(f"{setting} needs the package numba, which is not installed.", "pip install 'danlu[data]'")
    for each in inputs.get(AGAINST, ()):
        if each.kind != config.kind:
            raise UserError(
                f"{AGAINST}: {each.name!r} holds {_held(each.kind)}, and this stage makes {_held(config.kind)}.",
                f"Name artifacts of the kind {config.kind}.",
            )


def _held(kind: str) -> str:
    return "documents" if kind == "corpus" else "conversations"


def earlier_tasks(config: CleanConfig, inputs: Mapping[str, Sequence[Input]], folder: Path) -> list[EarlierTask]:
    """What is to be read, in the order of the artifacts, their splits and their rows.

    Args:
        config: Of the stage.
        inputs: What stands behind its references.
        folder: Where the results go.
    """
    return [
        EarlierTask(config.kind, artifact, path, groups, size, config.wants_signatures, folder / f"{number:06d}")
        for number, (artifact, path, groups, size) in enumerate(_stretches(inputs.get(AGAINST, ())))
    ]


def _stretches(inputs: Sequence[Input]) -> Iterator[tuple[str, Path, range, int]]:
    """Artifact, file, row groups and bytes."""
    for each in inputs:
        assert each.artifact is not None
        for path in _files(each):
            metadata = pq.read_metadata(path)
            start = size = 0
            for group in range(metadata.num_row_groups):
                size += metadata.row_group(group).total_byte_size
                if size >= TASK_BYTES or group == metadata.num_row_groups - 1:
                    yield f"{each.kind} {each.artifact.id}", path, range(start, group + 1), size
                    start, size = group + 1, 0


def _files(each: Input) -> list[Path]:
    splits = [each.part] if each.part else SPLITS
    if each.kind == "examples":
        return [each.path / f"{split}.parquet" for split in splits]
    return [path for split in splits for path in list_shards(each.path, split)]


def num_bytes_against(inputs: Mapping[str, Sequence[Input]]) -> int:
    """Of the texts, about: what the artifacts say of themselves, or what is foretold of them."""
    total = 0
    for each in inputs.get(AGAINST, ()):
        found = each.facts.get("num_bytes", each.facts.get("num_characters", 0))
        total += sum(found.values()) if isinstance(found, dict) else int(found)
    return total
