"""Rows of the batch: which tokens stand in one row together, as a pure function of (store, seed, place).

Places number the rows of an endless sequence "epoch 0 shuffled, epoch 1 shuffled, ...", without a seam.

`PackedRows`, for examples: rows were packed when the examples were tokenised, so that no example is ever cut; an epoch
shuffles rows. `ContiguousRows`, for the documents of a corpus: an epoch shuffles documents, lays them end to end and
cuts rows of exactly one length out of that, so that nothing is padded and every token is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore


@dataclass(frozen=True)
class Row:
    """One row of the batch."""

    input_ids: npt.NDArray[np.int64]
    """Shape (row_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (row_tokens,): True where this very token is a prediction target."""
    document_lengths: npt.NDArray[np.int64]
    """Shape (row_documents,), in tokens; sums to row_tokens. Documents do not see each other."""


@dataclass(frozen=True)
class Workload:
    """How much some rows give a model to do."""

    num_tokens: float
    num_targets: float
    """Supervised tokens."""
    num_pairs: float
    """A token and one it sees, the token itself included: n (n + 1) / 2 in a document of n tokens."""


class Rows(Protocol):
    """An endless sequence of rows."""

    num_rows: int
    """In one epoch. Where rows straddle epochs, rounded down, but at least one."""
    share_documents: bool
    """Whether some row holds several documents that must not see each other."""

    def row(self, place: int) -> Row: ...

    def num_tokens(self, num_rows: int) -> int:
        """Tokens that the first `num_rows` rows hold."""
        ...

    def workload(self, num_rows: int) -> Workload:
        """Of the first `num_rows` rows."""
        ...

    def names(self, places: npt.NDArray[np.int64]) -> str:
        """What to call those rows when something is wrong with them."""
        ...


class PackedRows:
    """The rows that examples were packed into.

    Args:
        store: Has rows.
        seed: Of the shuffles.
    """

    def __init__(self, store: TokenStore, seed: int) -> None:
        assert store.row_offsets is not None
        self.store = store
        self.row_offsets = np.asarray(store.row_offsets)
        self.token_offsets = np.asarray(store.document_offsets)[self.row_offsets]
        self.num_rows = len(self.row_offsets) - 1
        self.share_documents = bool(np.any(np.diff(self.row_offsets) > 1))
        self._epoch_order = shuffler(seed, self.num_rows)

    def row(self, place: int) -> Row:
        return self.stored_row(int(self.indices(np.array([place]))[0]))

    def stored_row(self, index: int) -> Row:
        """A row by its number in the store."""
        start, end = (int(offset) for offset in self.token_offsets[index : index + 2])
        documents = self.store.document_offsets[self.row_offsets[index] : self.row_offsets[index + 1] + 1]
        lengths = np.diff(documents)
        supervised = self.store.supervised
        return Row(
            self.store.input_ids(start, end),
            np.asarray(supervised[start:end]) if supervised is not None else all_but_first(lengths),
            lengths,
        )

    def num_tokens(self, num_rows: int) -> int:
        return self._sum(np.diff(self.token_offsets), num_rows)

    def workload(self, num_rows: int) -> Workload:
        targets, pairs = self._targets_and_pairs
        return Workload(self.num_tokens(num_rows), self._sum(targets, num_rows), self._sum(pairs, num_rows))

    def names(self, places: npt.NDArray[np.int64]) -> str:
        return f"rows {', '.join(map(str, self.indices(places)))} of the training data"

    def indices(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Shape (places,): which rows of the store stand there."""
        epochs, offsets = np.divmod(places, self.num_rows)
        found = np.empty(len(places), np.int64)
        for epoch in np.unique(epochs):
            found[epochs == epoch] = self._epoch_order(int(epoch))[offsets[epochs == epoch]]
        return found

    def _sum(self, of_rows: npt.NDArray[np.int64], num_rows: int) -> int:
        """Sum over the first `num_rows` rows of the sequence. `of_rows`: one number for each row of the store."""
        epochs, rest = divmod(num_rows, self.num_rows)
        return epochs * int(of_rows.sum()) + int(of_rows[self._epoch_order(epochs)[:rest]].sum())

    @cached_property
    def _targets_and_pairs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each of shape (rows of the store,)."""
        lengths, firsts = self.store.document_lengths, self.row_offsets[:-1]
        if self.store.supervised is None:
            targets = np.diff(self.token_offsets) - np.diff(self.row_offsets)
        else:
            targets = np.add.reduceat(self.store.supervised, self.token_offsets[:-1], dtype=np.int64)
        return targets, np.add.reduceat(num_pairs(lengths), firsts)


class ContiguousRows:
    """Rows of exactly `length` tokens, cut out of the shuffled documents laid end to end.

    Args:
        store: Documents; all together at least one row long, or every row holds several epochs.
        length: Tokens of a row.
        seed: Of the shuffles.
        isolate_documents: Whether the documents of a row are hidden from each other.
    """

    def __init__(self, store: TokenStore, length: int, seed: int, *, isolate_documents: bool = True) -> None:
        assert store.num_tokens
        self.store = store
        self.length = length
        self.isolate_documents = isolate_documents
        self.num_rows = max(1, store.num_tokens // length)
        self.share_documents = isolate_documents
        self._lengths = store.document_lengths
        self._epoch_order = shuffler(seed, store.num_documents)
        self._epoch_ends = lru_cache(maxsize=2)(self._cumulate)

    def row(self, place: int) -> Row:
        parts, lengths = [], []
        for start, end in self._pieces(place * self.length, (place + 1) * self.length):
            parts.append(self.store.input_ids(start, end))
            lengths.append(end - start)
        document_lengths = np.array(lengths if self.isolate_documents else [self.length], np.int64)
        return Row(np.concatenate(parts), all_but_first(document_lengths), document_lengths)

    def num_tokens(self, num_rows: int) -> int:
        return num_rows * self.length

    def workload(self, num_rows: int) -> Workload:
        """Where documents are hidden from each other, targets and pairs are those of a mean row of the first epoch."""
        tokens = self.num_tokens(num_rows)
        targets, pairs = self._per_token
        return Workload(tokens, tokens * targets, tokens * pairs)

    def names(self, places: npt.NDArray[np.int64]) -> str:
        return f"tokens {places[0] * self.length:,} to {(places[-1] + 1) * self.length:,} of the shuffled corpus"

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

    @cached_property
    def _per_token(self) -> tuple[float, float]:
        """Targets and pairs."""
        if not self.isolate_documents:
            return 1 - 1 / self.length, (self.length + 1) / 2
        ends = self._epoch_ends(0)
        cuts = np.union1d(ends, np.arange(0, self.store.num_tokens, self.length)).astype(np.int64)
        lengths: npt.NDArray[np.int64] = np.diff(cuts)
        return 1 - len(lengths) / self.store.num_tokens, float(num_pairs(lengths).sum()) / self.store.num_tokens

    def _cumulate(self, epoch: int) -> npt.NDArray[np.int64]:
        """Where each document of an epoch ends, in the order of the epoch."""
        return np.cumsum(self._lengths[self._epoch_order(epoch)])


def all_but_first(document_lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Shape (sum of the lengths,): True but for the first token of each document, which nothing precedes."""
    supervised = np.ones(int(document_lengths.sum()), np.bool_)
    supervised[np.cumsum(document_lengths) - document_lengths] = False
    return supervised


def num_pairs(document_lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Shape (documents,): in each, how many pairs of a token and one it sees there are, itself included."""
    return document_lengths * (document_lengths + 1) // 2


def shuffler(seed: int, count: int) -> Callable[[int], npt.NDArray[np.int64]]:
    """Epoch -> an order of `count` things, drawn from (seed, epoch) alone. The last two epochs are kept at hand."""

    def shuffle(epoch: int) -> npt.NDArray[np.int64]:
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch])))
        return generator.permutation(count)

    return lru_cache(maxsize=2)(shuffle)
