"""The text a vocabulary is learnt from: which documents, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts.corpus import read_documents


def read_texts(kind: str, directory: Path, split: str) -> Iterator[pa.Array]:
    """The texts of one split in batches of strings: documents of a ``corpus``, messages of ``examples``."""
    if kind == "corpus":
        for batch in read_documents(directory, split):
            yield batch.column("text")
        return
    with pq.ParquetFile(directory / f"{split}.parquet") as file:
        for batch in file.iter_batches(columns=["messages"]):
            yield pc.struct_field(pc.list_flatten(batch.column("messages")), "content")


def count_characters(batches: Iterator[pa.Array]) -> npt.NDArray[np.int64]:
    """Characters of each text, in order."""
    lengths = [pc.utf8_length(batch).to_numpy(zero_copy_only=False).astype(np.int64) for batch in batches]
    return np.concatenate([np.zeros(0, np.int64), *lengths])


def choose(lengths: npt.NDArray[np.int64], most_characters: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which texts to take: all if they are few, else whole ones in random order while there is room."""
    if lengths.sum() <= most_characters:
        return np.ones(len(lengths), np.bool_)
    order = np.random.default_rng(seed).permutation(len(lengths))
    chosen = np.zeros(len(lengths), np.bool_)
    chosen[order] = np.cumsum(lengths[order]) <= most_characters
    return chosen


def chosen_texts(batches: Iterator[pa.Array], chosen: npt.NDArray[np.bool_]) -> Iterator[list[str]]:
    """The chosen texts, in batches, in the order of the data."""
    first = 0
    for batch in batches:
        texts = batch.filter(pa.array(chosen[first : first + len(batch)])).to_pylist()
        first += len(batch)
        if texts:
            yield texts
