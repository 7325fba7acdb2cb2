"""Rows that are pairs of segments: half of the time the second one goes on where the first ends, else it is of another
document (Devlin et al. 2018, arXiv:1810.04805, section 3.1). A pure function of (store, seed, place)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.models.frame import Frame
from danlu.training.rows.order import generator, shuffled
from danlu.training.rows.row import Row, Workload, all_but_first, num_pairs
from danlu.training.rows.stairs import Stairs

STREAM = 0x2B1D
"""Tells the draws of pairs from other draws of the same seed."""
FEWEST_TOKENS = 4
"""Of a document, its frame aside; shorter ones are passed over."""
FOLLOWS, DOES_NOT = 0, 1
"""As transformers numbers them."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Epoch:
    """All pairs of an epoch, shape (num_rows,) each. Places are tokens of the store."""

    begin: Places
    """Of the first segment."""
    cut: Places
    """Its end."""
    second_begin: Places
    second_end: Places
    label: Places
    """`FOLLOWS` or `DOES_NOT`."""
    length: Places
    """In tokens, with what stands around and between the segments."""


class PairRows:
    """One pair of segments a row; each document is once in an epoch cut into the first segment and what follows it.

    A segment of another document is its end, so that second segments end alike. Cuts lie before words where the store
    says where these begin; then 8 bytes for each word are held.

    Args:
        store: Documents; of those that are longer than a row, a random part is taken.
        frame: What stands around documents in the store; its end also stands between segments.
        length: Tokens of a row, at most.
        seed: Of the shuffles and draws.

    Raises:
        UserError: there are no two documents that are long enough, or rows are too short.
    """

    share_documents = False

    def __init__(self, store: TokenStore, frame: Frame, length: int, seed: int) -> None:
        self.store = store
        self.frame = frame
        self.seed = seed
        own = store.document_lengths - len(frame.start) - len(frame.end)
        documents = np.flatnonzero(own >= FEWEST_TOKENS)
        self.num_framing = len(frame.start) + 2 * len(frame.end)
        self.most = length - self.num_framing
        if len(documents) < 2 or self.most < FEWEST_TOKENS:
            raise UserError(
                f"next_sentence: pairs need two documents of {FEWEST_TOKENS} tokens or more, in rows of at least"
                f" {FEWEST_TOKENS + self.num_framing}; there are {len(documents)}, and rows of {length}.",
                "Give more data or a larger 'length', or leave next_sentence out.",
            )
        self.num_rows = len(documents)
        self._begins = np.asarray(store.document_offsets)[documents] + len(frame.start)
        self._own = own[documents]
        self._word_starts = None if store.word_starts is None else np.flatnonzero(store.word_starts)
        self._epoch_order = shuffled(seed, self.num_rows)
        self._epoch = lru_cache(maxsize=2)(self._draw)
        self._before_epoch = [Workload(0, 0, 0)]
        self.epoch_tokens = int(self._measure(0).num_tokens)  # other epochs have about as many

    def with_lengths(self, lengths: Stairs) -> PairRows:
        return self

    def row(self, place: int) -> Row:
        number, offset = divmod(place, self.num_rows)
        first, second = self._segments(place)
        start, stop = np.array(self.frame.start, np.int64), np.array(self.frame.end, np.int64)
        parts = [start, self.store.input_ids(*first), stop, self.store.input_ids(*second), stop]
        sizes = [len(part) for part in parts]
        lengths = np.array([sum(sizes)], np.int64)
        word_starts = None
        if self.store.word_starts is not None:
            word_starts = np.ones(sum(sizes), np.bool_)
            for place_in_row, (begin, end) in ((sizes[0], first), (sum(sizes[:3]), second)):
                word_starts[place_in_row : place_in_row + end - begin] = self.store.word_starts[begin:end]
        return Row(
            np.concatenate(parts),
            all_but_first(lengths),
            lengths,
            word_starts=word_starts,
            segments=np.repeat([0, 0, 0, 1, 1], sizes),
            labels=self._epoch(number).label[offset : offset + 1],
        )

    def positions(self, place: int) -> Places:
        first, second = self._segments(place)
        start, stop = np.full(len(self.frame.start), -1), np.full(len(self.frame.end), -1)
        return np.concatenate([start, np.arange(*first), stop, np.arange(*second), stop])

    def num_tokens(self, num_rows: int) -> int:
        return int(self.workload(num_rows).num_tokens)

    def workload(self, num_rows: int) -> Workload:
        """Each epoch is drawn once for it, since its pairs are as long as no other's."""
        epochs, rest = divmod(num_rows, self.num_rows)
        for epoch in range(len(self._before_epoch) - 1, epochs):
            self._before_epoch.append(self._before_epoch[-1] + self._measure(epoch))
        return self._before_epoch[epochs] + self._measure(epochs, rest)

    def names(self, places: Places) -> str:
        return f"pairs {places[0]:,} to {places[-1]:,} of the shuffled corpus"

    def _segments(self, place: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where the two segments of a row begin and end in the store."""
        number, offset = divmod(place, self.num_rows)
        epoch = self._epoch(number)
        return (
            (int(epoch.begin[offset]), int(epoch.cut[offset])),
            (int(epoch.second_begin[offset]), int(epoch.second_end[offset])),
        )

    def _draw(self, number: int) -> _Epoch:
        part, other, cutting, following = generator(self.seed, STREAM, number).random((4, self.num_rows))
        order = self._epoch_order(number)
        own = self._own[order]
        total = np.minimum(own, self.most)
        begin = self._begins[order] + (part * (own - total + 1)).astype(np.int64)
        end = begin + total
        cut = self._next_word(begin + 1 + (cutting * (total - 1)).astype(np.int64), end)
        others = (np.arange(self.num_rows) + 1 + (other * (self.num_rows - 1)).astype(np.int64)) % self.num_rows
        other_end = end[others]
        other_begin = self._next_word(other_end - np.minimum(end - cut, total[others]), other_end)
        follows = following < 0.5
        second_begin, second_end = np.where(follows, cut, other_begin), np.where(follows, end, other_end)
        return _Epoch(
            begin=begin,
            cut=cut,
            second_begin=second_begin,
            second_end=second_end,
            label=np.where(follows, FOLLOWS, DOES_NOT),
            length=cut - begin + second_end - second_begin + self.num_framing,
        )

    def _measure(self, number: int, num_rows: int | None = None) -> Workload:
        """The first rows of an epoch, or all of them: of what `all_but_first` supervises."""
        lengths = self._epoch(number).length[:num_rows]
        num_tokens = int(lengths.sum())
        return Workload(num_tokens, num_tokens - len(lengths), int(num_pairs(lengths).sum()), num_labels=len(lengths))

    def _next_word(self, places: Places, ends: Places) -> Places:
        """The first beginning of a word from each place on; the place itself where there is none before the end."""
        if self._word_starts is None:
            return places
        found = self._word_starts.take(np.searchsorted(self._word_starts, places), mode="clip")
        return np.where((found >= places) & (found < ends), found, places)
