"""Kind ``examples``: conversations, one Parquet file per split, and the rows that were left out with their reason.

``train.parquet``, ``validation.parquet``, ``test.parquet``: columns `EXAMPLE_SCHEMA`.
``dropped.parquet``: columns `DROPPED_SCHEMA`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SPLITS = ("train", "validation", "test")

EXAMPLE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 16 hex digits of the SHA-256 of the normalised conversation
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("source", pa.string()),  # URI
        ("row", pa.int64()),  # 0-based index in the source
    ]
)

DROPPED_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),  # for example "near duplicate of 1f0c... (0.86)"
        ("text", pa.string()),  # beginning of the row, to recognise it by
    ]
)


def write_examples(directory: Path, split: str, rows: list[dict[str, Any]]) -> None:
    """Write one split."""
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLE_SCHEMA), directory / f"{split}.parquet")


def write_dropped(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Write the list of rows that were left out."""
    pq.write_table(pa.Table.from_pylist(rows, DROPPED_SCHEMA), directory / "dropped.parquet")


def read_examples(directory: Path, split: str) -> list[dict[str, Any]]:
    """Rows of one split: ``{"id", "messages": [{"role", "content"}], "source", "row"}``."""
    rows: list[dict[str, Any]] = pq.read_table(directory / f"{split}.parquet").to_pylist()
    return rows


def read_dropped(directory: Path) -> list[dict[str, Any]]:
    """The rows that were left out: ``{"id", "source", "row", "reason", "text"}``."""
    rows: list[dict[str, Any]] = pq.read_table(directory / "dropped.parquet").to_pylist()
    return rows
