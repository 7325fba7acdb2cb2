"""Rows cut out of the documents of a corpus laid end to end, so that nothing is padded and every token is read."""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.order import EpochOrder, shuffled
from danlu.training.rows.row import Row, Workload, all_but_first, num_pairs
from danlu.training.rows.stairs import Stairs


class ContiguousRows:
    """Each epoch lays the documents end to end in an order of its own; row after row is cut out of that.

    Args:
        store: Documents.
        length: Tokens of a row, the same everywhere or by place.
        seed: Of the shuffles.
        isolate_documents: Whether the documents of a row are hidden from each other.
        order: Of the documents of each epoch, instead of a shuffle.
    """

    def __init__(
        self,
        store: TokenStore,
        length: int | Stairs,
        seed: int,
        *,
        isolate_documents: bool = True,
        order: EpochOrder | None = None,
    ) -> None:
        assert store.num_tokens
        self.store = store
        self.lengths = length if isinstance(length, Stairs) else Stairs.level(length)
        self.isolate_documents = isolate_documents
        self.epoch_tokens = store.num_tokens
        self.share_documents = isolate_documents
        self._document_lengths = store.document_lengths
        self._epoch_order = order or shuffled(seed, store.num_documents)
        self._epoch_ends = lru_cache(maxsize=2)(self._cumulate)
        self._per_token = lru_cache(maxsize=None)(self._measure)

    def with_lengths(self, lengths: Stairs) -> ContiguousRows:
        """The same documents in the same order, cut differently."""
        other = copy.copy(self)
        other.lengths = lengths
        return other

    @property
    def num_rows(self) -> int:
        """Whole rows in an epoch, all as long as the last; at least one."""
        return max(1, self.store.num_tokens // self.lengths.last)

    def row(self, place: int) -> Row:
        start, length = self.lengths.before(place), self.lengths.at(place)
        pieces = self._pieces(start, start + length)
        lengths = [end - start for start, end in pieces] if self.isolate_documents else [length]
        document_lengths = np.array(lengths, np.int64)
        input_ids = np.concatenate([self.store.input_ids(start, end) for start, end in pieces])
        marks = self.store.word_starts
        word_starts = None if marks is None else np.concatenate([marks[start:end] for start, end in pieces])
        return Row(input_ids, all_but_first(document_lengths), document_lengths, word_starts=word_starts)

    def positions(self, place: int) -> npt.NDArray[np.int64]:
        start = self.lengths.before(place)
        pieces = self._pieces(start, start + self.lengths.at(place))
        return np.concatenate([np.arange(first, end) for first, end in pieces])

    def num_tokens(self, num_rows: int) -> int:
        return self.lengths.before(num_rows)

    def workload(self, num_rows: int) -> Workload:
        """Where documents are hidden from each other, targets and pairs are those of a mean row of the first epoch."""
        total = Workload(0, 0, 0)
        for count, length in self.lengths.spans(num_rows):
            targets, pairs = self._per_token(length)
            total += Workload(count * length, count * length * targets, count * length * pairs)
        return total

    def names(self, places: npt.NDArray[np.int64]) -> str:
        start, end = self.lengths.before(int(places[0])), self.lengths.before(int(places[-1]) + 1)
        return f"tokens {start:,} to {end:,} of the corpus in its order"

    def _pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """Places in the store, [first, after the last), of what lies between two places of the endless sequence."""
        pieces = []
        while start < end:
            epoch, position = divmod(start, self.store.num_tokens)
            order, ends = self._epoch_order(epoch), self._epoch_ends(epoch)
            until = min(self.store.num_tokens, position + end - start)
            document = int(np.searchsorted(ends, position, side="right"))
            start += until - position
            while position < until:
                stop = min(until, int(ends[document]))
                # Counted from the document's end, which is where it is in the store.
                shift = int(self.store.document_offsets[order[document] + 1]) - int(ends[document])
                pieces.append((position + shift, stop + shift))
                position, document = stop, document + 1
        return pieces

    def _cumulate(self, epoch: int) -> npt.NDArray[np.int64]:
        """Where each document of an epoch ends, in the order of the epoch."""
        return np.cumsum(self._document_lengths[self._epoch_order(epoch)])

    def _measure(self, length: int) -> tuple[float, float]:
        """Targets and pairs per token, in rows of `length`."""
        if not self.isolate_documents:
            return 1 - 1 / length, (length + 1) / 2
        cuts = np.union1d(self._epoch_ends(0), np.arange(0, self.store.num_tokens, length)).astype(np.int64)
        pieces: npt.NDArray[np.int64] = np.diff(cuts)
        return 1 - len(pieces) / self.store.num_tokens, float(num_pairs(pieces).sum()) / self.store.num_tokens
