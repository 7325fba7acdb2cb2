"""``dropped.parquet``, in artifacts made of rows: the rows that were left out with their reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

NAME = "dropped.parquet"
DROPPED_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),  # for example "near duplicate of 1f0c... (0.86)"
        ("text", pa.string()),  # beginning of the row, to recognise it by
    ]
)


class DroppedWriter:
    """Writes the list of rows that were left out, batch by batch. To be used as a context.

    Args:
        directory: Of the artifact.
    """

    def __init__(self, directory: Path) -> None:
        self._file = pq.ParquetWriter(directory / NAME, DROPPED_SCHEMA, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        """Columns `DROPPED_SCHEMA`."""
        if batch.num_rows:
            self._file.write_batch(batch)

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        """The same of single rows."""
        self.write(pa.RecordBatch.from_pylist(rows, DROPPED_SCHEMA))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def write_dropped(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Write the list of rows that were left out."""
    with DroppedWriter(directory) as writer:
        writer.write_rows(rows)


def read_dropped(directory: Path) -> list[dict[str, Any]]:
    """The rows that were left out: ``{"id", "source", "row", "reason", "text"}``."""
    rows: list[dict[str, Any]] = pq.read_table(directory / NAME).to_pylist()
    return rows
