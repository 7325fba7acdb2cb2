"""Which records share their hash, over all of them, though only some are held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from danlu.corpus.cutting.records import Records, stretches_of

RECORDS_AT_ONCE = 1_000_000
"""Records of one share, which is sorted in memory; more only if more than these have the same hash."""
MOST_SHARES = 1024


class Shares:
    """Records on the disk, divided by their hashes: those with the same one come together.

    Args:
        directory: For the files, empty.
        num_records: How many there will be.
        kind: What a record is.
    """

    def __init__(self, directory: Path, num_records: int, kind: np.dtype[Any]) -> None:
        num_shares = min(MOST_SHARES, -(-num_records // RECORDS_AT_ONCE))
        self._paths = [directory / f"share-{share:04d}" for share in range(num_shares)]
        self._kind = kind

    def add(self, records: Records) -> None:
        """Put some more where they belong."""
        if not len(records):
            return
        share = (records["high"] % np.uint64(len(self._paths))).astype(np.int64)
        order = np.argsort(share, kind="stable")
        bounds = np.searchsorted(share[order], np.arange(len(self._paths) + 1))
        for path, start, stop in zip(self._paths, bounds[:-1], bounds[1:], strict=True):
            if start < stop:
                with path.open("ab") as stream:
                    stream.write(records[order[start:stop]].tobytes())

    def __iter__(self) -> Iterator[Records]:
        """Share by share; each file goes when it has been read."""
        for path in self._paths:
            if path.exists():
                yield np.fromfile(path, self._kind)
                path.unlink()


def shares_of(paths: Sequence[Path], kind: np.dtype[Any], directory: Path) -> Shares:
    """The records of some files.

    Args:
        paths: Of the files.
        kind: What a record is.
        directory: For files that come and go.
    """
    shares = Shares(directory, sum(path.stat().st_size for path in paths) // kind.itemsize, kind)
    for path in paths:
        for records in stretches_of(path, kind):
            shares.add(records)
    return shares


def more_than(records: Records, at_most: int) -> tuple[Records, Records]:
    """Of records with the same hash, those beyond the first `at_most`, by their places; and for each the first."""
    ordered, ranks, firsts = _ranked(records)
    beyond = ranks >= at_most
    return ordered[beyond], ordered[firsts[beyond]]


def shared(records: Records) -> Records:
    """Those whose hash another record has."""
    ordered, ranks, firsts = _ranked(records)
    is_shared = ranks > 0
    is_shared[firsts[ranks > 0]] = True
    found: Records = ordered[is_shared]
    return found


def _ranked(records: Records) -> tuple[Records, Any, Any]:
    """Sorted by hash and place; for each how many with its hash stand before it, and where the first of them is."""
    hashes = [records[name] for name in ("low", "high") if name in (records.dtype.names or ())]
    ordered = records[np.lexsort((records["place"], *hashes))]
    begins = np.ones(len(ordered), np.bool_)
    begins[1:] = ordered["high"][1:] != ordered["high"][:-1]
    if "low" in (ordered.dtype.names or ()):
        begins[1:] |= ordered["low"][1:] != ordered["low"][:-1]
    firsts = np.maximum.accumulate(np.where(begins, np.arange(len(ordered)), 0))
    return ordered, np.arange(len(ordered)) - firsts, firsts
