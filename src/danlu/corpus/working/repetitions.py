"""Which items repeat others, exactly or nearly, over all parts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.config import DeduplicateConfig
from danlu.corpus.dropped import EXACT, NEAR
from danlu.corpus.duplicates.exact import repeated
from danlu.corpus.duplicates.near import NUM_HASHES, Hashes, band_keys, find, num_bands, that_share_a_key
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.repeated_items import Numbers, Repetitions
from danlu.telemetry.reporter import Reporter


def repetitions(
    parts: AllParts,
    settings: DeduplicateConfig,
    before: Repetitions,
    comparable: Callable[[int], str],
    scratch: Path,
    reporter: Reporter,
) -> Repetitions:
    """Items to leave out, as the settings say.

    Args:
        parts: All of them.
        settings: What is looked for.
        before: Items that are left out already; they have keys that no other has, and nothing repeats them.
        comparable: By an item's number, what near duplicates have nearly in common.
        scratch: Where files may be put for a while.
        reporter: Shows progress.
    """
    found = before
    if settings.exact:
        exact = Repetitions.of(EXACT, *repeated(parts.keys, parts.num_items))
        found = Repetitions.together([found, exact])
    if settings.near is not None:
        near = _near(parts, settings.near, found.rows, comparable, scratch, reporter)
        rows = np.array([row for row, _, _ in near], np.int64)
        firsts = np.array([first for _, first, _ in near], np.int64)
        similarities = np.array([similarity for _, _, similarity in near])
        found = Repetitions.together([found, Repetitions.of(NEAR, rows, firsts, similarities)])
    return found


def _near(
    parts: AllParts,
    threshold: float,
    exact: Numbers,
    comparable: Callable[[int], str],
    scratch: Path,
    reporter: Reporter,
) -> list[tuple[int, int, float]]:
    suspects, keys = suspected(parts, threshold, exact, scratch)
    found = []
    with reporter.progress("comparing what may be alike", len(suspects), "rows") as task:
        last = 0
        for each in find(suspects, keys, SimilarItems(parts, comparable), threshold):
            found.append(each)
            at = int(np.searchsorted(suspects, each[0]))
            task.advance(at - last)
            last = at
    return found


def suspected(parts: AllParts, threshold: float, gone: Numbers, scratch: Path) -> tuple[Numbers, Hashes]:
    """Items, but for those that are gone, with the key of another in one band at least, and their keys, shape (items,
    bands).

    The keys of a band lie in a file of their own meanwhile.
    """
    stays = np.ones(parts.num_items, np.bool_)
    stays[gone] = False
    shared = np.zeros(parts.num_items, np.bool_)
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        paths = [Path(directory) / str(band) for band in range(num_bands(threshold))]
        _write_keys(parts, threshold, paths)
        for path in paths:
            keys = np.fromfile(path, np.uint64)
            shared[stays] |= that_share_a_key(keys[stays])
        suspects = np.flatnonzero(shared)
        return suspects, np.stack([np.fromfile(path, np.uint64)[suspects] for path in paths], axis=1)


def _write_keys(parts: AllParts, threshold: float, paths: list[Path]) -> None:
    streams: list[Any] = [path.open("wb") for path in paths]
    try:
        for signatures in parts.signatures():
            keys = band_keys(signatures, threshold)
            for band, stream in enumerate(streams):
                stream.write(np.ascontiguousarray(keys[:, band]).tobytes())
    finally:
        for stream in streams:
            stream.close()


class SimilarItems:
    """What is compared of items."""

    def __init__(self, parts: AllParts, comparable: Callable[[int], str]) -> None:
        self._parts = parts
        self.comparable = comparable

    def signature(self, row: int) -> npt.NDArray[np.uint32]:
        return np.frombuffer(self._parts.value(row, "signature"), np.uint32, NUM_HASHES)
