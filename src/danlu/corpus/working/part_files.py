"""A part's directory: its items, the rows that were left out, and its notes. It is whole or it is not there.

``items.arrow`` has the columns of the artifact, `SPLIT_FIELDS` and those of `danlu.corpus.working.keys`; it is not
packed, so that single rows can be looked at without reading the others.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.artifacts.dropped import DROPPED_SCHEMA
from danlu.artifacts.store import sync_tree, write_synced
from danlu.corpus.working.notes import Notes

ITEMS, LEFT, FINDS, TAGS, NOTES = "items.arrow", "left.arrow", "personal.arrow", "tags.arrow", "notes.json"
CUTS = "cuts.arrow"
SPLIT_FIELDS = [
    ("position", pa.uint64()),  # where chance puts it between the sides, see `danlu.corpus.splitting.sides`
    ("stratum", pa.string()),  # its class, null if shares are not held within classes
    ("moment", pa.float64()),  # when it is from, null if that does not matter
]
LEFT_OUT = pa.field("left_out", pa.bool_())
"""Whether an item is left out; only there if texts were cut, before which exact duplicates are found."""

TAG_PLACE_SCHEMA = pa.schema(
    [("id", pa.string()), ("source", pa.string()), ("row", pa.int64()), ("reason", pa.string()), ("item", pa.int64())]
)
"""Whose tags they are; ``item`` is its number among the items of the part, or `NO_ITEM`. Tags follow."""
NO_ITEM = -1


class PartWriter:
    """Writes a part's directory. To be used as a context; when it is left without an error, the directory is there.

    Args:
        directory: Of the part.
        schema: Of the items.
    """

    def __init__(self, directory: Path, schema: pa.Schema) -> None:
        self.notes = Notes()
        self._directory = directory
        self._aside = directory.with_name(f".{directory.name}-{os.getpid()}")
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        self._items = pa.ipc.new_file(str(self._aside / ITEMS), schema)
        self._left = pa.ipc.new_file(str(self._aside / LEFT), DROPPED_SCHEMA)
        self._others: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        """Files that are there only if there is something in them."""
        self.num_items = 0

    def write_items(self, batch: pa.RecordBatch) -> None:
        self._items.write_batch(batch)
        self.num_items += batch.num_rows

    def write_left(self, rows: list[dict[str, Any]]) -> None:
        """Columns of `DROPPED_SCHEMA`."""
        self._left.write_batch(pa.RecordBatch.from_pylist(rows, DROPPED_SCHEMA))

    def write_finds(self, finds: pa.Table) -> None:
        """What was found of people, see `danlu.corpus.personal.audit`."""
        self._other(FINDS, finds.schema).write_table(finds)

    def write_tags(self, batch: pa.RecordBatch) -> None:
        """Columns `TAG_PLACE_SCHEMA` and tags."""
        self._other(TAGS, batch.schema).write_batch(batch)

    def write_cuts(self, batch: pa.RecordBatch) -> None:
        """What was cut out of texts, see `danlu.corpus.cutting.rewriting`."""
        if batch.num_rows:
            self._other(CUTS, batch.schema).write_batch(batch)

    def _other(self, name: str, schema: pa.Schema) -> pa.ipc.RecordBatchFileWriter:
        if name not in self._others:
            self._others[name] = pa.ipc.new_file(str(self._aside / name), schema)
        return self._others[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._items.close()
        self._left.close()
        for file in self._others.values():
            file.close()
        if error is not None:
            shutil.rmtree(self._aside, ignore_errors=True)
            return
        write_synced(self._aside / NOTES, json.dumps(self.notes.as_json()))
        sync_tree(self._aside)
        try:
            os.replace(self._aside, self._directory)
        except OSError:  # one that a killed run left behind was faster, and wrote the same
            if not is_done(self._directory):
                raise
            shutil.rmtree(self._aside)


class PartFiles:
    """What a `PartWriter` wrote.

    Args:
        directory: Of the part.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notes = Notes.from_json(json.loads((directory / NOTES).read_text(encoding="utf-8")))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Of the items, in order; all columns if they are not named."""
        with pa.memory_map(str(self.directory / ITEMS)) as source:
            file = pa.ipc.open_file(source)
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                yield batch.select(columns) if columns else batch

    def left(self) -> Iterator[pa.RecordBatch]:
        """Rows that were left out."""
        return self._all(LEFT)

    def finds(self) -> Iterator[pa.RecordBatch]:
        """What was found of people."""
        return self._all(FINDS)

    def tags(self) -> Iterator[pa.RecordBatch]:
        """Of the rows that were judged."""
        return self._all(TAGS)

    def cuts(self) -> Iterator[pa.RecordBatch]:
        """What was cut out of texts."""
        return self._all(CUTS)

    @property
    def schema(self) -> pa.Schema:
        """Of the items."""
        with pa.memory_map(str(self.directory / ITEMS)) as source:
            return pa.ipc.open_file(source).schema

    def _all(self, name: str) -> Iterator[pa.RecordBatch]:
        if not (self.directory / name).exists():
            return
        with pa.memory_map(str(self.directory / name)) as source:
            file = pa.ipc.open_file(source)
            yield from (file.get_batch(number) for number in range(file.num_record_batches))

    def numbers(self, column: str) -> npt.NDArray[Any]:
        """A column of numbers of all items."""
        parts = [batch.column(0).to_numpy(zero_copy_only=False) for batch in self.batches([column])]
        return np.concatenate(parts) if parts else np.zeros(0)


def is_done(directory: Path) -> bool:
    """Whether a part's directory is there, which means that it is whole."""
    return (directory / NOTES).is_file()
