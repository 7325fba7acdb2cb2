"""One part of the corpus as the steps of cutting see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from danlu.corpus.cutting.records import CUT, Records, character_of, item_of, read_records
from danlu.corpus.parts import Part
from danlu.corpus.working.part_files import PartFiles

GONE = "gone"
"""One byte for each item of all parts: 1 if it is left out before anything is cut."""


@dataclass(frozen=True)
class Portion:
    """A part, and what is known of it so far."""

    part: Part
    directory: Path
    """Of the part."""
    first: int
    """Number of its first item among those of all parts."""
    folder: Path
    """Of the files of all steps."""

    @property
    def cuts_path(self) -> Path:
        """Where what is to be cut out of it stands."""
        return self.folder / f"cuts-{self.part.number:06d}"

    def cuts(self) -> Records:
        """What has been found so far to be cut out, by place."""
        found = read_records(self.cuts_path, CUT)
        return found[np.argsort(found["place"], kind="stable")]

    def texts(self) -> Iterator[tuple[int, str, list[tuple[int, int]]]]:
        """Items that are there: number, text, and what is to be cut out of it so far."""
        bounds = self.bounds()
        item = self.first
        for batch in PartFiles(self.directory).batches(["text"]):
            for text, is_gone in zip(batch.column(0).to_pylist(), self.gone(item, batch.num_rows), strict=True):
                if not is_gone:
                    yield item, text, bounds.get(item, [])
                item += 1

    def bounds(self) -> dict[int, list[tuple[int, int]]]:
        """By item, what has been found so far: first character and the one behind the last, in order."""
        cuts = self.cuts()
        items, starts = item_of(cuts["place"]).tolist(), character_of(cuts["place"]).tolist()
        found: dict[int, list[tuple[int, int]]] = {}
        for item, start, length in zip(items, starts, cuts["length"].tolist(), strict=True):
            found.setdefault(item, []).append((start, start + length))
        return found

    def gone(self, item: int, num_items: int) -> list[bool]:
        """Of some items from one on, whether they are left out before."""
        found: list[bool] = np.fromfile(self.folder / GONE, np.bool_, num_items, offset=item).tolist()
        return found
