"""Who shares the key of a band with whom. Holds the keys of some texts at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from danlu.corpus.duplicates.bands import Keys

TEXTS_AT_ONCE = 500_000
ALONE = -1
"""The group of a text that shares its key with no other."""

Numbers = npt.NDArray[np.int64]
Groups = npt.NDArray[np.int32]


def shared_keys(
    read: Callable[[], Iterable[Keys]], takes_part: npt.NDArray[np.bool_], num_earlier: int
) -> tuple[Groups, Groups]:
    """Of one band: the group of each text, from 0 on or `ALONE`, and how many texts each group has.

    Args:
        read: Gives the keys of all texts, stretch by stretch; called as often as needed.
        takes_part: Of each text, whether it is looked at.
        num_earlier: So many of the first texts are not compared with one another.
    """
    num_shares = -(-len(takes_part) // TEXTS_AT_ONCE)
    groups = np.full(len(takes_part), ALONE, np.int32)
    all_sizes = [np.zeros(0, np.int32)]
    num_groups = 0
    for share in range(num_shares):
        keys, rows = _in_share(read(), takes_part, share, num_shares)
        begins = np.ones(len(keys), np.bool_)
        begins[1:] = keys[1:] != keys[:-1]
        firsts = np.flatnonzero(begins)
        sizes = np.diff(firsts, append=len(keys))
        lasts = np.maximum.reduceat(rows, firsts) if len(rows) else rows
        counts = (sizes > 1) & (lasts >= num_earlier)
        names = np.where(counts, num_groups + np.cumsum(counts) - 1, ALONE)
        groups[rows] = names[np.cumsum(begins) - 1]
        all_sizes.append(sizes[counts].astype(np.int32))
        num_groups += int(counts.sum())
    return groups, np.concatenate(all_sizes)


def _in_share(
    stretches: Iterable[Keys], takes_part: npt.NDArray[np.bool_], share: int, num_shares: int
) -> tuple[Keys, Numbers]:
    """Keys that fall into one of several equal shares, ascending, and whose they are."""
    all_keys, all_rows, start = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], 0
    for keys in stretches:
        mine = takes_part[start : start + len(keys)] & (keys % np.uint64(num_shares) == np.uint64(share))
        places = np.flatnonzero(mine)
        all_keys.append(keys[places])
        all_rows.append(places + start)
        start += len(keys)
    keys, rows = np.concatenate(all_keys), np.concatenate(all_rows)
    order = np.argsort(keys)
    return keys[order], rows[order]


class BandFiles:
    """One file for each band with a number for each text. To be used as a context while it is written.

    Args:
        directory: Where they go.
        name: What they begin with.
        bands: How many.
        dtype: Of the numbers.
    """

    def __init__(self, directory: Path, name: str, bands: int, dtype: type[np.uint64] | type[np.int32]) -> None:
        self._paths = [directory / f"{name}-{band}" for band in range(bands)]
        self._dtype = np.dtype(dtype)
        self._streams: list[Any] = []

    @property
    def num_bands(self) -> int:
        return len(self._paths)

    def __enter__(self) -> Self:
        self._streams = [path.open("wb") for path in self._paths]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams:
            stream.close()

    def write(self, numbers: npt.NDArray[Any], band: int) -> None:
        """Append numbers of one band."""
        self._streams[band].write(np.ascontiguousarray(numbers, self._dtype).tobytes())

    def read(self, band: int, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Numbers of one band, of some texts in a row."""
        count = -1 if stop is None else stop - start
        return np.fromfile(self._paths[band], self._dtype, count, offset=start * self._dtype.itemsize)

    def remove(self, band: int) -> None:
        """Delete the file of one band, which is read no more."""
        self._paths[band].unlink()

    def reader(self, band: int) -> Callable[[], Iterator[npt.NDArray[Any]]]:
        """What reads all numbers of one band, some at a time."""

        def read() -> Iterator[npt.NDArray[Any]]:
            start = 0
            while len(numbers := self.read(band, start, start + TEXTS_AT_ONCE)):
                yield numbers
                start += len(numbers)

        return read
