"""Packed rows of random tokens, for tests that need some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from danlu.artifacts.tokens import TokenStore, write_index, write_shard
from danlu.training.rows.packed import PackedRows
from danlu.training.rows.row import Row


def make_store(rows: list[list[int]], *, vocabulary: int = 400, seed: int = 0) -> TokenStore:
    """Rows of documents with the given lengths; about half of each document's tokens, never its first, are targets."""
    generator = np.random.default_rng(seed)
    lengths = np.array([length for row in rows for length in row], dtype=np.int64)
    num_tokens = int(lengths.sum())
    supervised = generator.random(num_tokens) < 0.5
    starts = np.cumsum(lengths) - lengths
    supervised[starts + lengths - 1] = True
    supervised[starts] = False
    return TokenStore(
        shards=[generator.integers(0, vocabulary, num_tokens, dtype=np.uint16)],
        document_offsets=np.concatenate([[0], np.cumsum(lengths)]),
        supervised=supervised,
        row_offsets=np.cumsum([0, *map(len, rows)], dtype=np.int64),
    )


def write_store(store: TokenStore, directory: Path, split: str, *, ids: list[str] | None = None) -> None:
    """As one split of an artifact."""
    folder = directory / split
    folder.mkdir(parents=True, exist_ok=True)
    for number, shard in enumerate(store.shards):
        write_shard(folder, number, shard, 2**16)
    names = ids or [f"{number:016x}" for number in range(store.num_documents)]
    sources = pa.array(["file:a"] * len(names), pa.string())
    documents = pa.table({"id": pa.array(names, pa.string()), "source": sources, "row": range(len(names))})
    write_index(folder, store.document_lengths, documents, supervised=store.supervised, row_offsets=store.row_offsets)


def rows_of(store: TokenStore) -> list[Row]:
    """All packed rows, in the order of the store."""
    rows = PackedRows(store, seed=0)
    return [rows.stored_row(index) for index in range(rows.num_rows)]
