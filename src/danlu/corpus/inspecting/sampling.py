"""Some of many rows, always the same ones: those whose mixed ids are smallest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.mixing import GOLDEN, mix


def mixed(ids: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """A number for each id that looks drawn at random, and is another for another seed."""
    with np.errstate(over="ignore"):
        start = GOLDEN * np.uint64(seed % 2**63 + 1)
    return mix(ids + start)


class Smallest:
    """Keeps so many rows of those it is shown, whatever the order in which they come.

    Args:
        size: Rows to keep.
        seed: Other ones for another seed.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self._size = size
        self._seed = seed
        self._kept: list[tuple[int, int, Any]] = []

    def add(self, ids: npt.NDArray[np.uint64], make: Callable[[int], Any]) -> None:
        """Rows by their ids; `make` gives what is kept of one, by its place among them."""
        keys = mixed(ids, self._seed)
        limit = self._kept[-1][0] if len(self._kept) == self._size else None
        places = np.arange(len(keys)) if limit is None else np.flatnonzero(keys < np.uint64(limit))
        places = places[np.argsort(keys[places], kind="stable")][: self._size]
        known = {each[1] for each in self._kept}
        new = [(int(keys[place]), int(ids[place]), place) for place in places.tolist() if int(ids[place]) not in known]
        self._kept += [(key, its_id, make(place)) for key, its_id, place in new]
        self._kept = sorted(self._kept, key=lambda each: each[:2])[: self._size]

    def items(self) -> list[Any]:
        """What was kept, in the order of the mixed ids."""
        return [item for _, _, item in self._kept]
