"""Kind ``corpus``: documents of plain text, in Parquet shards for each split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DOCUMENT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # beginning of the SHA-256 of the text
        ("text", pa.string()),
        ("source", pa.string()),  # URI of the file
        ("row", pa.int64()),  # which row of the file, 0 where a file is one document
    ]
)


def read_documents(directory: Path, split: str) -> Iterator[pa.RecordBatch]:
    """The documents of a split, some at a time."""
    for path in sorted(directory.glob(f"{split}-*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group).to_batches()
