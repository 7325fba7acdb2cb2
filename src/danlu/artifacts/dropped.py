"""``dropped.parquet``, in artifacts made of rows: the rows that were left out with their reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DROPPED_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),  # for example "near duplicate of 1f0c... (0.86)"
        ("text", pa.string()),  # beginning of the row, to recognise it by
    ]
)


def write_dropped(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Write the list of rows that were left out."""
    pq.write_table(pa.Table.from_pylist(rows, DROPPED_SCHEMA), directory / "dropped.parquet")


def read_dropped(directory: Path) -> list[dict[str, Any]]:
    """The rows that were left out: ``{"id", "source", "row", "reason", "text"}``."""
    rows: list[dict[str, Any]] = pq.read_table(directory / "dropped.parquet").to_pylist()
    return rows
