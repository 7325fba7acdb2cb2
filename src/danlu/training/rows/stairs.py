"""A whole number for each place of an endless sequence that changes at few of them, and its sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Stairs:
    """For example the tokens of each row: 128 up to place 1000, from there on 160, from place 2000 on 192."""

    starts: npt.NDArray[np.int64]
    """Shape (stairs,): the first place of each stair; begins with 0 and never falls."""
    heights: npt.NDArray[np.int64]
    """Shape (stairs,): the number at the places of each, above 0."""

    @classmethod
    def level(cls, height: int) -> Stairs:
        """The same number everywhere."""
        return cls.of([0], [height])

    @classmethod
    def of(cls, starts: Sequence[int], heights: Sequence[int]) -> Stairs:
        return cls(np.array(starts, np.int64), np.array(heights, np.int64))

    def at(self, place: int) -> int:
        """The number at a place."""
        return int(self.heights[self._stair(place)])

    def before(self, place: int) -> int:
        """The sum of the numbers at places 0 to `place`, which does not count itself."""
        stair = self._stair(place)
        return int(self._sums[stair] + (place - self.starts[stair]) * self.heights[stair])

    @property
    def last(self) -> int:
        """The number on the last stair, which has no end."""
        return int(self.heights[-1])

    def spans(self, end: int) -> list[tuple[int, int]]:
        """How many of the first `end` places are on each stair, and its height."""
        counts = np.diff(np.minimum(np.append(self.starts, end), end))
        return [(int(count), int(height)) for count, height in zip(counts, self.heights, strict=True) if count]

    def _stair(self, place: int) -> int:
        return int(np.searchsorted(self.starts, place, side="right")) - 1

    @cached_property
    def _sums(self) -> npt.NDArray[np.int64]:
        """Shape (stairs,): the sum of the numbers before each stair."""
        return np.concatenate([[0], np.cumsum(np.diff(self.starts) * self.heights[:-1])]).astype(np.int64)
