"""``tags.parquet``, in artifacts made of rows: what was counted of each row that was judged, be it kept or left out.

One row for each, in the order of the sources: columns `PLACE_SCHEMA`, then one for each tag by its versioned name, such
as ``gopher_quality@1/num_words``: a number, null where it does not apply, or a word. Whether a row would be kept with
other thresholds can be told from these alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

NAME = "tags.parquet"
PLACE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("split", pa.string()),  # null if the row is left out
        ("reason", pa.string()),  # why it is left out, as in dropped.parquet; null if it stays
    ]
)


ROWS_IN_GROUP = 16_384
"""Of the file, at least: there are many columns, and each has a beginning of its own in each group."""


class TagsWriter:
    """Writes the tags batch by batch. To be used as a context. The file is there if there was a batch.

    Args:
        directory: Of the artifact.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._file: pq.ParquetWriter | None = None
        self._pending: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Columns `PLACE_SCHEMA` and those of tags, the same in all batches."""
        if self._file is None:
            words = [field.name for field in batch.schema if field.type == pa.string() and field.name != "id"]
            self._file = pq.ParquetWriter(self._path, batch.schema, compression="zstd", use_dictionary=words)
        self._pending.append(batch)
        if sum(each.num_rows for each in self._pending) >= ROWS_IN_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        assert self._file is not None
        self._file.write_table(pa.Table.from_batches(self._pending), row_group_size=ROWS_IN_GROUP * 64)
        self._pending = []

    def __enter__(self) -> TagsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            if self._pending:
                self._write_group()
            self._file.close()


def tag_names(directory: Path) -> list[str]:
    """The names of the tags that an artifact has; none where no row was judged."""
    path = directory / NAME
    return pq.read_schema(path).names[len(PLACE_SCHEMA) :] if path.exists() else []


def read_tags(directory: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The tags of an artifact in order, some thousand rows at a time; nothing where no row was judged.

    Args:
        directory: Of the artifact.
        columns: Which; all if they are not named.
    """
    path = directory / NAME
    if path.exists():
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(columns=list(columns) if columns is not None else None)
