"""What near duplicates are looked for by, over all items: keys of bands, signatures, texts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.working.all_parts import AllParts

if TYPE_CHECKING:
    from danlu.corpus.duplicates.candidates import Suspects

Numbers = npt.NDArray[np.int64]


class SimilarItems:
    """What is compared of items; a `danlu.corpus.duplicates.candidates.Similar`.

    Args:
        parts: All of them.
        body: The column with what an item says.
        comparable: Of that, what near duplicates have nearly in common.
    """

    def __init__(self, parts: AllParts, body: str, comparable: Callable[[Any], str]) -> None:
        self._parts = parts
        self._body = body
        self._comparable = comparable

    def signatures(self, rows: Numbers) -> npt.NDArray[np.uint32]:
        return self._parts.signatures(rows)

    def comparable(self, rows: Numbers) -> Iterator[str]:
        return (self._comparable(body) for body in self._parts.values(rows, self._body))


@contextmanager
def suspected(
    parts: AllParts, threshold: float, takes_part: npt.NDArray[np.bool_], scratch: Path
) -> Iterator[Suspects]:
    """Items with the key of another in one band at least, of which one is new. Keys lie in files, band by band.

    Args:
        parts: All of them.
        threshold: Of the Jaccard similarity.
        takes_part: Of each item, whether it is looked at.
        scratch: Where files may be put meanwhile.
    """
    from danlu.corpus.duplicates.bands import band_keys, num_bands
    from danlu.corpus.duplicates.candidates import Suspects
    from danlu.corpus.duplicates.groups import BandFiles, shared_keys

    bands = num_bands(threshold)
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        keys = BandFiles(Path(directory), "keys", bands, np.uint64)
        with keys:
            for signatures in parts.all_signatures():
                found = band_keys(signatures, threshold)
                for band in range(bands):
                    keys.write(found[:, band], band)
        is_suspect = np.zeros(parts.num_items, np.bool_)
        groups, sizes = BandFiles(Path(directory), "groups", bands, np.int32), []
        with groups:
            for band in range(bands):
                its_groups, its_sizes = shared_keys(keys.reader(band), takes_part, parts.num_earlier)
                is_suspect |= its_groups >= 0
                groups.write(its_groups, band)
                sizes.append(its_sizes)
                keys.remove(band)
        yield Suspects(np.flatnonzero(is_suspect), groups, sizes)
