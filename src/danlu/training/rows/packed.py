"""The rows that examples were packed into when they were tokenised, so that no example is ever cut."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.order import EpochOrder, Epochs, shuffled
from danlu.training.rows.row import Row, Workload, all_but_first, num_pairs
from danlu.training.rows.stairs import Stairs


class PackedRows:
    """Epochs of the store's rows.

    Args:
        store: Has rows.
        seed: Of the shuffles.
        order: Of each epoch, instead of a shuffle.
    """

    def __init__(self, store: TokenStore, seed: int, order: EpochOrder | None = None) -> None:
        assert store.row_offsets is not None
        self.store = store
        self.row_offsets = np.asarray(store.row_offsets)
        self.token_offsets = np.asarray(store.document_offsets)[self.row_offsets]
        self.num_rows = len(self.row_offsets) - 1
        self.epoch_tokens = store.num_tokens
        self.share_documents = bool(np.any(np.diff(self.row_offsets) > 1))
        self._epochs = Epochs(order or shuffled(seed, self.num_rows), self.num_rows)

    def with_lengths(self, lengths: Stairs) -> PackedRows:
        return self

    def row(self, place: int) -> Row:
        return self.stored_row(int(self.indices(np.array([place]))[0]))

    def stored_row(self, index: int) -> Row:
        """A row by its number in the store."""
        start, end = (int(offset) for offset in self.token_offsets[index : index + 2])
        documents = self.store.document_offsets[self.row_offsets[index] : self.row_offsets[index + 1] + 1]
        lengths = np.diff(documents)
        supervised, word_starts = self.store.supervised, self.store.word_starts
        return Row(
            self.store.input_ids(start, end),
            np.asarray(supervised[start:end]) if supervised is not None else all_but_first(lengths),
            lengths,
            word_starts=np.asarray(word_starts[start:end]) if word_starts is not None else None,
        )

    def positions(self, place: int) -> npt.NDArray[np.int64]:
        index = int(self.indices(np.array([place]))[0])
        return np.arange(*self.token_offsets[index : index + 2])

    def num_tokens(self, num_rows: int) -> int:
        return self._epochs.sum(np.diff(self.token_offsets), num_rows)

    def workload(self, num_rows: int) -> Workload:
        targets, pairs = self._targets_and_pairs
        return Workload(
            self.num_tokens(num_rows), self._epochs.sum(targets, num_rows), self._epochs.sum(pairs, num_rows)
        )

    def names(self, places: npt.NDArray[np.int64]) -> str:
        return f"rows {', '.join(map(str, self.indices(places)))} of the training data"

    def indices(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Shape (places,): which rows of the store stand there."""
        return self._epochs.at(places)

    @cached_property
    def _targets_and_pairs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each of shape (rows of the store,)."""
        lengths, firsts = self.store.document_lengths, self.row_offsets[:-1]
        if self.store.supervised is None:
            targets = np.diff(self.token_offsets) - np.diff(self.row_offsets)
        else:
            targets = np.add.reduceat(self.store.supervised, self.token_offsets[:-1], dtype=np.int64)
        return targets, np.add.reduceat(num_pairs(lengths), firsts)
