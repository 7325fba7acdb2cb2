"""Kind ``corpus``: documents, in shards per split, and the rows that were left out with their reason.

``train-00000.parquet``, ``train-00001.parquet``, ..., likewise ``validation`` and ``test``: columns `DOCUMENT_SCHEMA`.
A split has one shard at least, be it without rows. ``dropped.parquet``: see `danlu.artifacts.dropped`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts.splits import SPLITS

DOCUMENT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 16 hex digits of the SHA-256 of the normalised text
        ("text", pa.string()),
        ("source", pa.string()),  # URI of the file
        ("row", pa.int64()),  # 0-based index in the file
        ("label", pa.string()),  # the class of the document; null where the corpus has no classes
        ("score", pa.float64()),  # a number the source gave it; null where none was asked for
        ("title", pa.string()),  # what the source says of it; null where it says nothing
        ("url", pa.string()),
        ("date", pa.string()),  # as the source writes it, in ISO 8601 where a format says so
    ]
)

SHARD_BYTES = 256 * 2**20
"""UTF-8 bytes of text in a shard, at most; a batch is never cut, so a larger one has a shard of its own."""
ROW_GROUP_BYTES = 16 * 2**20
"""Batches are put together until they hold this much text; a row group is what a reader holds at once."""


class CorpusWriter:
    """Writes documents batch by batch. To be used as a context; when it is left, every split has its last shard.

    Which shard a document goes to depends on the batches of its split alone.
    """

    def __init__(self, directory: Path, *, shard_bytes: int = SHARD_BYTES) -> None:
        self._splits = {split: _SplitWriter(directory, split, shard_bytes) for split in SPLITS}

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Append documents, columns `DOCUMENT_SCHEMA`, to one split."""
        self._splits[split].write(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for split in self._splits.values():
            split.close(failed=error is not None)


class _SplitWriter:
    """The shards of one split."""

    def __init__(self, directory: Path, split: str, shard_bytes: int) -> None:
        self._directory = directory
        self._split = split
        self._shard_bytes = shard_bytes
        self._file: pq.ParquetWriter | None = None
        self._num_shards = 0
        self._bytes_in_shard = 0
        self._pending: list[pa.RecordBatch] = []
        self._bytes_pending = 0

    def write(self, batch: pa.RecordBatch) -> None:
        num_bytes = text_bytes(batch)
        if self._bytes_in_shard + self._bytes_pending + num_bytes > self._shard_bytes:
            self._finish_shard()
        self._pending.append(batch)
        self._bytes_pending += num_bytes
        if self._bytes_pending >= ROW_GROUP_BYTES:
            self._write_group()

    def close(self, *, failed: bool) -> None:
        if not failed:
            if not self._num_shards:
                self._open()
            self._finish_shard()
        elif self._file is not None:
            self._file.close()

    def _finish_shard(self) -> None:
        self._write_group()
        if self._file is not None:
            self._file.close()
        self._file = None
        self._bytes_in_shard = 0

    def _write_group(self) -> None:
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending, DOCUMENT_SCHEMA)
        (self._file or self._open()).write_table(table, row_group_size=max(1, table.num_rows))
        self._bytes_in_shard += self._bytes_pending
        self._pending, self._bytes_pending = [], 0

    def _open(self) -> pq.ParquetWriter:
        path = self._directory / f"{self._split}-{self._num_shards:05d}.parquet"
        self._num_shards += 1
        self._file = pq.ParquetWriter(path, DOCUMENT_SCHEMA, compression="zstd")
        return self._file


def text_bytes(batch: pa.RecordBatch) -> int:
    """UTF-8 bytes of all texts of a batch."""
    return int(pc.sum(pc.binary_length(batch["text"])).as_py() or 0)


def list_shards(directory: Path, split: str) -> list[Path]:
    """The shards of one split in the order they were written."""
    return sorted(directory.glob(f"{split}-*.parquet"))


def read_documents(directory: Path, split: str) -> Iterator[pa.RecordBatch]:
    """Documents of one split in the order they were written, columns `DOCUMENT_SCHEMA`; those that an artifact of
    another version lacks are null.

    Holds one row group at a time: `ROW_GROUP_BYTES` of text and what one batch of the writer adds to it.
    """
    for path in list_shards(directory, split):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield from _with_all_columns(file.read_row_group(group)).to_batches()


def _with_all_columns(table: pa.Table) -> pa.Table:
    for field in DOCUMENT_SCHEMA:
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table
