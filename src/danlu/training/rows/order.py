"""The order of an epoch: a permutation of documents or packed rows, as a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

EpochOrder = Callable[[int], npt.NDArray[np.int64]]
"""Epoch -> shape (things,): which thing stands at each position of it. The last two epochs are kept at hand."""


def shuffled(seed: int, count: int) -> EpochOrder:
    """Each epoch in an order drawn from (seed, epoch) alone."""
    return lru_cache(maxsize=2)(lambda epoch: generator(seed, epoch).permutation(count))


class Epochs:
    """The endless sequence of some things, epoch after epoch.

    Args:
        order: Of each epoch.
        count: How many things there are.
    """

    def __init__(self, order: EpochOrder, count: int) -> None:
        self._order = order
        self._count = count

    def at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Shape (places,): which things stand there."""
        epochs, offsets = np.divmod(places, self._count)
        found = np.empty(len(places), np.int64)
        for epoch in np.unique(epochs):
            found[epochs == epoch] = self._order(int(epoch))[offsets[epochs == epoch]]
        return found

    def sum(self, of_things: npt.NDArray[np.int64], end: int) -> int:
        """Sum over the first `end` places. `of_things`: a number for each thing."""
        epochs, rest = divmod(end, self._count)
        return epochs * int(of_things.sum()) + int(of_things[self._order(epochs)[:rest]].sum())


def generator(*numbers: int) -> np.random.Generator:
    """Random numbers that some numbers decide, for example (seed, epoch)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(numbers)))


def seed_of_source(seed: int, number: int) -> int:
    """A seed for one of several sources, so that those with equally many documents have orders of their own."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
