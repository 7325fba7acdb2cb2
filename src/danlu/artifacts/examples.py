"""Kind ``examples``: conversations, one Parquet file per split, and the rows that were left out with their reason.

``train.parquet``, ``validation.parquet``, ``test.parquet``: columns `EXAMPLE_SCHEMA`.
``dropped.parquet``: see `danlu.artifacts.dropped`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

EXAMPLE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 16 hex digits of the SHA-256 of the normalised conversation
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("source", pa.string()),  # URI
        ("row", pa.int64()),  # 0-based index in the source
    ]
)


def write_examples(directory: Path, split: str, rows: list[dict[str, Any]]) -> None:
    """Write one split."""
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLE_SCHEMA), directory / f"{split}.parquet")


def read_examples(directory: Path, split: str) -> list[dict[str, Any]]:
    """Rows of one split: ``{"id", "messages": [{"role", "content"}], "source", "row"}``."""
    rows: list[dict[str, Any]] = pq.read_table(directory / f"{split}.parquet").to_pylist()
    return rows
