"""The side of each row, as a function of where chance put it, its class or its time: arrays in, an array out.

Chance gives each row a position from 0 to 1, by a hash of the seed and what decides (its content, or its group): see
`position_of`. Sides are places in `danlu.artifacts.splits.SPLITS`.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from danlu.artifacts.splits import SPLITS
from danlu.corpus.splitting.config import SplitConfig
from danlu.corpus.splitting.moments import moment_of

TRAIN, VALIDATION, TEST = map(SPLITS.index, ("train", "validation", "test"))
Sides = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def position_of(seed: int, decisive: str) -> int:
    """Where chance puts what has this content, or belongs to this group: 64 bits, of which 2^64 would be 1."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{decisive}".encode()).digest()[:8], "big")


def sides_of(positions: Hashes, classes: Integers | None, moments: Floats, config: SplitConfig) -> Sides:
    """Which side each row is on.

    Args:
        positions: Shape (rows,), of `position_of`.
        classes: Shape (rows,): numbers of classes from 0 on; None if shares are not held within classes.
        moments: Shape (rows,): seconds since 1970; only used by time.
        config: What is asked for.
    """
    if config.by == "time":
        return by_time(moments, config)
    if classes is not None:
        return by_rank(positions, classes, config)
    return by_position(positions, config)


def by_position(positions: Hashes, config: SplitConfig) -> Sides:
    """A row's position alone decides, whatever other rows there are."""
    at = positions / 2.0**64
    if config.folds is None:
        held_out = np.where(at < config.test, TEST, VALIDATION)
        return np.where(at < config.test + config.validation, held_out, TRAIN).astype(np.int8)
    folds = np.minimum(np.floor((at - config.apart) / (1 - config.apart) * config.folds), config.folds - 1)
    return _of_folds(at < config.apart, folds, config)


def by_rank(positions: Hashes, classes: Integers, config: SplitConfig) -> Sides:
    """Within each class the rows stand in the order of their positions; the first of them are held out."""
    order = np.lexsort((positions, classes))
    sizes = np.bincount(classes)
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    if config.folds is None:
        quotas = quotas_of(sizes, config.test, config.validation)
        test, held_out = quotas[:, 0][classes], quotas.sum(axis=1)[classes]
        return np.where(ranks < test, TEST, np.where(ranks < held_out, VALIDATION, TRAIN)).astype(np.int8)
    apart = quotas_of(sizes, config.apart, 0)[:, 0]
    before = np.cumsum(sizes - apart) - (sizes - apart)  # so that small classes do not all begin with the same fold
    return _of_folds(ranks < apart[classes], (before[classes] + ranks - apart[classes]) % config.folds, config)


def quotas_of(sizes: Integers, test: float, validation: float) -> Integers:
    """Shape (classes, 2): how many rows of each class are for the test and for validation.

    Both are within one row of the share, in each class and in all together, but for classes of few rows: of each, one
    row at least is left to learn from.
    """
    up_to = np.cumsum(sizes)
    shares = np.array([test, validation])
    quotas: Integers = np.diff(np.floor(up_to[:, None] * shares + 0.5), axis=0, prepend=0).astype(np.int64)
    wanted = sizes[:, None] * shares
    for number in np.flatnonzero(quotas.sum(axis=1) >= sizes):
        while quotas[number].sum() > max(0, sizes[number] - 1):
            quotas[number, np.argmax(np.where(quotas[number] > 0, quotas[number] - wanted[number], -np.inf))] -= 1
    return quotas


def by_time(moments: Floats, config: SplitConfig) -> Sides:
    """What is newer than all that is learnt from is held out; rows of one moment are on one side."""
    validation_from, test_from = bounds(moments, config)
    held_out = np.where(moments >= test_from, TEST, VALIDATION)
    return np.where(moments >= min(validation_from, test_from), held_out, TRAIN).astype(np.int8)


def bounds(moments: Floats, config: SplitConfig) -> tuple[float, float]:
    """The moments from which on rows are for validation and for the test; infinity where none are."""
    if config.has_dates:
        first, second = (np.inf if it is None else moment_of(it) for it in (config.validation_from, config.test_from))
        return first, second
    ordered = np.sort(moments)
    ends = np.append(ordered, np.inf)
    test_from = _cut(ordered, config.test)
    validation_from = min(_cut(ordered, config.test + config.validation), test_from) if config.validation else test_from
    return float(ends[validation_from]), float(ends[test_from])


def _cut(ordered: Floats, share: float) -> int:
    """Where to cut, so that about this share lies behind: between two moments, never through one."""
    wanted = len(ordered) - round(share * len(ordered))
    if wanted == len(ordered):
        return wanted
    low, high = (int(np.searchsorted(ordered, ordered[wanted], side)) for side in ("left", "right"))
    return low if wanted - low <= high - wanted else high


def _of_folds(apart: npt.NDArray[np.bool_], folds: npt.NDArray[np.generic], config: SplitConfig) -> Sides:
    its_side, other_side = (VALIDATION, TEST) if config.fold_is == "validation" else (TEST, VALIDATION)
    return np.where(apart, other_side, np.where(folds == config.fold, its_side, TRAIN)).astype(np.int8)
