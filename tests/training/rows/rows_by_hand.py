"""Stores whose tokens are numbered through, and what rows hold, counted the slow way."""

from __future__ import annotations

import numpy as np

from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.row import Rows, Workload


def corpus(lengths: list[int]) -> TokenStore:
    """Documents whose tokens are numbered through, in shards of four."""
    offsets = np.cumsum([0, *lengths])
    ids = np.arange(offsets[-1], dtype=np.uint16)
    return TokenStore([ids[start : start + 4] for start in range(0, len(ids), 4)], offsets, None, None)


def counted(rows: Rows, num_rows: int) -> Workload:
    """The slow way: look at every row."""
    seen = [rows.row(place) for place in range(num_rows)]
    return Workload(
        sum(len(row.input_ids) for row in seen),
        sum(int(row.supervised.sum()) for row in seen),
        sum(int(length) * (int(length) + 1) // 2 for row in seen for length in row.document_lengths),
        sum(len(row.labels) for row in seen if row.labels is not None),
    )
