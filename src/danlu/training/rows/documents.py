"""Rows that are one document each, whole, with its class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.order import EpochOrder, Epochs, shuffled
from danlu.training.rows.row import Row, Workload
from danlu.training.rows.stairs import Stairs


class DocumentRows:
    """One document a row. Of one that is longer than `length`, the beginning and its last token, which ends it.

    Args:
        store: Has labels.
        length: Tokens of a row, at most.
        seed: Of the shuffles.
        order: Of the documents of each epoch, instead of a shuffle.
    """

    share_documents = False

    def __init__(self, store: TokenStore, length: int, seed: int, order: EpochOrder | None = None) -> None:
        assert store.labels is not None
        self.store = store
        self.labels = np.asarray(store.labels)
        self.num_rows = store.num_documents
        self._lengths = np.minimum(store.document_lengths, length)
        self.epoch_tokens = int(self._lengths.sum())
        self._epochs = Epochs(order or shuffled(seed, self.num_rows), self.num_rows)

    def with_lengths(self, lengths: Stairs) -> DocumentRows:
        return self

    def row(self, place: int) -> Row:
        document = int(self.indices(np.array([place]))[0])
        start, end = (int(offset) for offset in self.store.document_offsets[document : document + 2])
        length = int(self._lengths[document])
        input_ids = self.store.input_ids(start, start + length)
        input_ids[-1:] = self.store.input_ids(end - 1, end)
        return Row(
            input_ids,
            np.zeros(length, np.bool_),
            np.array([length], np.int64),
            labels=self.labels[document : document + 1].astype(np.int64),
        )

    def positions(self, place: int) -> npt.NDArray[np.int64]:
        document = int(self.indices(np.array([place]))[0])
        start, end = (int(offset) for offset in self.store.document_offsets[document : document + 2])
        positions = np.arange(start, start + int(self._lengths[document]))
        positions[-1:] = end - 1
        return positions

    def num_tokens(self, num_rows: int) -> int:
        return self._epochs.sum(self._lengths, num_rows)

    def workload(self, num_rows: int) -> Workload:
        num_pairs = self._epochs.sum(self._lengths**2, num_rows)
        return Workload(self.num_tokens(num_rows), 0, num_pairs, num_labels=num_rows)

    def names(self, places: npt.NDArray[np.int64]) -> str:
        return f"documents {', '.join(map(str, self.indices(places)))} of the training data"

    def indices(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Shape (places,): which documents of the store stand there."""
        return self._epochs.at(places)
