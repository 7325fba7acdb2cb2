"""Items that are left out since they repeat others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from danlu.corpus.dropped import REPETITIONS

Numbers = npt.NDArray[np.int64]
Similarities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Repetitions:
    """Items to leave out."""

    rows: Numbers
    """Their numbers, in order."""
    firsts: Numbers
    """Of each, the number of the item that it repeats, which stays; its own where it repeats several in pieces."""
    similarities: Similarities
    """Of each with that one; not a number where they are equal."""
    reasons: npt.NDArray[np.int8]
    """Of each, the place of its reason in `danlu.corpus.dropped.REPETITIONS`."""

    @classmethod
    def of(cls, reason: str, rows: Numbers, firsts: Numbers, similarities: Similarities | None = None) -> Self:
        """Items that are left out for the same reason."""
        equal = np.full(len(rows), np.nan)
        reasons = np.full(len(rows), REPETITIONS.index(reason), np.int8)
        return cls(rows, firsts, equal if similarities is None else similarities, reasons)

    @classmethod
    def together(cls, all_of_them: Sequence[Repetitions]) -> Self:
        """Several as one; no item is among two of them."""
        rows = np.concatenate([each.rows for each in all_of_them])
        order = np.argsort(rows, kind="stable")
        return cls(
            rows[order],
            np.concatenate([each.firsts for each in all_of_them])[order],
            np.concatenate([each.similarities for each in all_of_them])[order],
            np.concatenate([each.reasons for each in all_of_them])[order],
        )

    @classmethod
    def none(cls) -> Self:
        """No item."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, np.zeros(0), np.zeros(0, np.int8))

    def moved(self, by: int) -> Repetitions:
        """The same where so many items stand before all of them."""
        return Repetitions(self.rows + by, self.firsts + by, self.similarities, self.reasons)

    def since(self, start: int) -> Repetitions:
        """Those with numbers from `start` on."""
        first = int(np.searchsorted(self.rows, start))
        return Repetitions(self.rows[first:], self.firsts[first:], self.similarities[first:], self.reasons[first:])

    def between(self, start: int, stop: int) -> slice:
        """Those with numbers from `start` up to but without `stop`."""
        low, high = np.searchsorted(self.rows, [start, stop])
        return slice(int(low), int(high))
