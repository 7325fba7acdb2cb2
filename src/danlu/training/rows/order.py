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


def generator(seed: int, epoch: int) -> np.random.Generator:
    """Random numbers that (seed, epoch) decides."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch])))


def seed_of_source(seed: int, number: int) -> int:
    """A seed for one of several sources, so that those with equally many documents have orders of their own."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
