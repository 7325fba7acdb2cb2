"""Packed rows of random tokens, for tests that need some."""

from __future__ import annotations

import numpy as np

from danlu.artifacts.tokens import PackedRows


def make_rows(rows: list[list[int]], *, vocabulary: int = 400, seed: int = 0) -> PackedRows:
    """Rows of documents with the given lengths; about half of each document's tokens, never its first, are targets."""
    generator = np.random.default_rng(seed)
    lengths = np.array([length for row in rows for length in row], dtype=np.int32)
    num_tokens = int(lengths.sum())
    supervised = generator.random(num_tokens) < 0.5
    starts = np.cumsum(lengths) - lengths
    supervised[starts + lengths - 1] = True
    supervised[starts] = False
    row_lengths = np.array([sum(row) for row in rows], dtype=np.int64)
    return PackedRows(
        input_ids=generator.integers(0, vocabulary, num_tokens, dtype=np.int32),
        supervised=supervised,
        document_lengths=lengths,
        example_ids=[f"{number:016x}" for number in range(len(lengths))],
        row_offsets=np.concatenate([[0], np.cumsum(row_lengths)]).astype(np.int64),
        document_offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
    )
