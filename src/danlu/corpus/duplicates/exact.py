"""Exact duplicates: rows with the same key, of which the first stays. Holds the keys of some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

ROWS_AT_ONCE = 500_000
Keys = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


def repeated(read: Callable[[], Iterable[tuple[Keys, Keys]]], num_rows: int) -> tuple[Numbers, Numbers]:
    """Rows to leave out, in order, and for each the first row with its key.

    Args:
        read: Gives the two halves of the keys of all rows, stretch by stretch; called as often as needed.
        num_rows: Of all stretches.
    """
    num_shares = -(-num_rows // ROWS_AT_ONCE)
    found = [_in_share(read(), share, num_shares) for share in range(num_shares)]
    rows = np.concatenate([later for later, _ in found]) if found else np.zeros(0, np.int64)
    firsts = np.concatenate([first for _, first in found]) if found else np.zeros(0, np.int64)
    order = np.argsort(rows, kind="stable")
    return rows[order], firsts[order]


def _in_share(stretches: Iterable[tuple[Keys, Keys]], share: int, num_shares: int) -> tuple[Numbers, Numbers]:
    """Of the rows whose keys fall into one of several equal shares."""
    all_high, all_low, all_rows, start = [], [], [], 0
    for high, low in stretches:
        mine = np.flatnonzero(high % np.uint64(num_shares) == np.uint64(share))
        all_high.append(high[mine])
        all_low.append(low[mine])
        all_rows.append(mine + start)
        start += len(high)
    high, low, rows = np.concatenate(all_high), np.concatenate(all_low), np.concatenate(all_rows)
    order = np.lexsort((rows, low, high))
    high, low, rows = high[order], low[order], rows[order]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    places = np.flatnonzero(begins)
    firsts = rows[places][np.cumsum(begins) - 1]
    return rows[~begins], firsts[~begins]
