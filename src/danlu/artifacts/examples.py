"""Kind ``examples``: conversations, one Parquet file per split, and the rows that were left out with their reason.

``train.parquet``, ``validation.parquet``, ``test.parquet``: columns `EXAMPLE_SCHEMA`.
``dropped.parquet``: see `danlu.artifacts.dropped`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.splits import SPLITS

EXAMPLE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 16 hex digits of the SHA-256 of the normalised conversation
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("source", pa.string()),  # URI
        ("row", pa.int64()),  # 0-based index in the source
    ]
)


class ExamplesWriter:
    """Writes conversations batch by batch. To be used as a context; when it is left, every split has its file.

    Args:
        directory: Of the artifact.
    """

    def __init__(self, directory: Path) -> None:
        self._files = {split: pq.ParquetWriter(directory / f"{split}.parquet", EXAMPLE_SCHEMA) for split in SPLITS}

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Append conversations, columns `EXAMPLE_SCHEMA`, to one split."""
        self._files[split].write_batch(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()


def write_examples(directory: Path, split: str, rows: list[dict[str, Any]]) -> None:
    """Write one split."""
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLE_SCHEMA), directory / f"{split}.parquet")


def read_examples(directory: Path, split: str) -> list[dict[str, Any]]:
    """Rows of one split: ``{"id", "messages": [{"role", "content"}], "source", "row"}``."""
    rows: list[dict[str, Any]] = pq.read_table(directory / f"{split}.parquet").to_pylist()
    return rows
