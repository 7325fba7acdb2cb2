"""Items as people find them again: by id, and by source and row or the artifact they are from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.corpus.working.all_parts import AllParts


class Name(NamedTuple):
    """Of an item."""

    id: str
    source: str
    """URI of its file; empty for an item of an artifact."""
    row: int
    """Counted from the beginning of the file."""
    artifact: str | None
    """Kind and id of the artifact it is from; None for those of the parts."""


class NamedItems:
    """The names of some items, read in one go in the order of the parts.

    Args:
        parts: All of them.
        items: Their numbers, in any order, each as often as one likes.
    """

    def __init__(self, parts: AllParts, items: npt.NDArray[np.int64]) -> None:
        self._parts = parts
        self._items = np.unique(items)
        ours = self._items[np.searchsorted(self._items, parts.num_earlier) :]
        self._num_earlier = len(self._items) - len(ours)
        self._ids = pa.array(parts.values(self._items, "id"), pa.string())
        self._sources = pa.array(parts.values(ours, "source"), pa.string()).dictionary_encode()
        self._rows = np.fromiter(parts.values(ours, "row"), np.int64, len(ours))

    def __getitem__(self, item: int) -> Name:
        place = int(np.searchsorted(self._items, item))
        identity = self._ids[place].as_py()
        if place < self._num_earlier:
            return Name(identity, "", 0, self._parts.artifact_of(item))
        source = self._sources[place - self._num_earlier].as_py()
        row = int(self._rows[place - self._num_earlier]) + self._parts.offset_of(item, source)
        return Name(identity, source, row, None)
