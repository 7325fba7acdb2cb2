"""Several sources in one sequence of rows, in proportions that hold within any stretch of it.

Which source a place has is decided by integers: of the first p places, floor(p w + u) belong to the first source,
where w is its share and u, below 1, is drawn from the seed; the places that are left are dealt out to the other sources
in the same way. So among any n places in a row, the first of two sources has n w of them, but for less than one; with
more sources the rounding of one adds to that of the next. No place has to be known to find another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from danlu.training.rows.order import generator
from danlu.training.rows.row import Row, SourceRows, Workload
from danlu.training.rows.stairs import Stairs

ONE = 2**30
"""Shares are parts of this, so that sums over 2^33 places are exact in 64 bits."""


class Deal:
    """Which source each place has.

    Args:
        weights: Of the sources, above 0; they need not add up to 1.
        seed: Of where the pattern begins.
    """

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        self.num_sources = len(weights)
        left = np.cumsum(np.asarray(weights, np.float64)[::-1])[::-1]
        self._shares = [round(ONE * weight / rest) for weight, rest in zip(weights, left, strict=True)]
        offsets = generator(seed, len(weights))
        self._offsets = offsets.integers(0, ONE, len(weights)).tolist()

    def counts(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Shape (sources, places): how many places before each belong to each source."""
        counts = np.empty((self.num_sources, len(places)), np.int64)
        left = np.asarray(places, np.int64)
        for source, (share, offset) in enumerate(zip(self._shares, self._offsets, strict=True)):
            counts[source] = left if source == self.num_sources - 1 else (left * share + offset) // ONE
            left = left - counts[source]
        return counts

    def source_of(self, place: int) -> tuple[int, int]:
        """The source a place has, and how many places before it have the same."""
        before, after = self.counts(np.array([place, place + 1])).T
        source = int(np.argmax(after - before))
        return source, int(before[source])


class MixedRows:
    """Rows of several sources, each of which keeps its own endless sequence.

    Args:
        sources: By name.
        deal: Which of them each place has, in the same order.
    """

    def __init__(self, sources: Mapping[str, SourceRows], deal: Deal) -> None:
        self.names_of_sources = list(sources)
        self.sources = list(sources.values())
        self.deal = deal
        self.share_documents = any(rows.share_documents for rows in self.sources)
        self.epoch_tokens = sum(rows.epoch_tokens for rows in self.sources)

    def with_lengths(self, lengths: Stairs) -> MixedRows:
        """The same with rows of other lengths in those sources whose rows are cut."""
        starts = self.deal.counts(lengths.starts)
        sources = [
            rows.with_lengths(Stairs(own_starts, lengths.heights))
            for rows, own_starts in zip(self.sources, starts, strict=True)
        ]
        return MixedRows(dict(zip(self.names_of_sources, sources, strict=True)), self.deal)

    def row(self, place: int) -> Row:
        source, its_place = self.deal.source_of(place)
        return self.sources[source].row(its_place)

    def num_tokens(self, num_rows: int) -> int:
        return sum(self.tokens_by_source(num_rows))

    def tokens_by_source(self, num_rows: int) -> list[int]:
        """Tokens of each source among the first `num_rows` rows."""
        return [rows.num_tokens(count) for rows, count in zip(self.sources, self._counts(num_rows), strict=True)]

    def workload(self, num_rows: int) -> Workload:
        loads = (rows.workload(count) for rows, count in zip(self.sources, self._counts(num_rows), strict=True))
        return sum(loads, Workload(0, 0, 0))

    def names(self, places: npt.NDArray[np.int64]) -> str:
        before, after = self.deal.counts(np.array([places[0], places[-1] + 1])).T
        named = zip(self.names_of_sources, self.sources, before.tolist(), after.tolist(), strict=True)
        return "; ".join(
            f"{name}: {rows.names(np.arange(first, end))}" for name, rows, first, end in named if first < end
        )

    def _counts(self, num_rows: int) -> list[int]:
        counts: list[int] = self.deal.counts(np.array([num_rows]))[:, 0].tolist()
        return counts
