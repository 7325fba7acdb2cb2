"""A corpus artifact of given texts, for tests that need one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.corpus import DOCUMENT_SCHEMA


def write_corpus(
    directory: Path, texts: list[str], split: str = "train", group: int = 4, labels: list[str] | None = None
) -> None:
    """One split, `group` documents to a row group."""
    directory.mkdir(exist_ok=True)
    ids = [f"{number:016x}" for number in range(len(texts))]
    columns = {
        "id": ids,
        "text": texts,
        "source": ["file:a"] * len(texts),
        "row": range(len(texts)),
        "label": labels or [None] * len(texts),
        "score": [None] * len(texts),
        "title": [None] * len(texts),
        "url": [None] * len(texts),
        "date": [None] * len(texts),
    }
    pq.write_table(pa.table(columns, DOCUMENT_SCHEMA), directory / f"{split}-00000.parquet", row_group_size=group)
