"""Rows that are nearly alike, and those that are nearly like them in turn: the connected parts of all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from danlu.corpus.duplicates.near import MARGIN, SHINGLES_HELD, Hashes, Similar, jaccard, shingles


def links(rows: npt.NDArray[np.int64], keys: Hashes, similar: Similar, threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs that connect what belongs together, and no more than it takes: (place in `rows`, an earlier one).

    Args:
        rows: In order; those that share no key with another need not be among them.
        keys: Theirs, as of `danlu.corpus.duplicates.near.band_keys`.
        similar: What they hold.
        threshold: Of the Jaccard similarity.
    """
    shingles_of = lru_cache(maxsize=SHINGLES_HELD)(lambda row: shingles(similar.comparable(row)))
    together = Together(len(rows))
    by_key: dict[int, list[int]] = {}
    for place, row in enumerate(rows.tolist()):
        row_keys = keys[place].tolist()
        signature = similar.signature(row)
        for earlier in sorted({other for key in row_keys for other in by_key.get(key, ())}):
            if together.first_of(earlier) == together.first_of(place):
                continue
            other = int(rows[earlier])
            if (similar.signature(other) == signature).mean() < threshold - MARGIN:
                continue
            if jaccard(shingles_of(other), shingles_of(row)) >= threshold:
                together.join(earlier, place)
                yield place, earlier
        for key in row_keys:
            by_key.setdefault(key, []).append(place)


class Together:
    """Numbers that are put together, two at a time (union-find).

    Args:
        size: Numbers are below it.
    """

    def __init__(self, size: int) -> None:
        self._before = list(range(size))

    def first_of(self, number: int) -> int:
        """The same for all numbers that are together: the least of them."""
        first = number
        while self._before[first] != first:
            first = self._before[first]
        while self._before[number] != first:
            self._before[number], number = first, self._before[number]
        return first

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.first_of(one), self.first_of(other)))
        self._before[high] = low
