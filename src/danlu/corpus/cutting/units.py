"""Lines and paragraphs, and the hash by which equal ones are known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from danlu.corpus.cutting.portion import Portion
from danlu.corpus.cutting.records import UNIT, Records, place_of, write_records
from danlu.corpus.documents.text import EMPTY_LINES
from danlu.corpus.item import normalise

HASH_BYTES = 16
SAYS_SOMETHING = re.compile(r"[^\W_]")
"""A letter or a digit. Rules made of dashes, and the like, are part of how a text is set, not of what it says."""


@dataclass(frozen=True)
class UnitsTask:
    """The lines or paragraphs of one part that may repeat others, to be written as records."""

    portion: Portion
    kind: str
    """"line" or "paragraph"."""
    shortest: int
    """Characters that one has at least, white space run together."""
    path: Path

    @property
    def num_bytes(self) -> int:
        return self.portion.part.num_bytes


def write_units(task: UnitsTask) -> None:
    """Do it."""
    units: list[tuple[bytes, int, int]] = []
    for item, text, cuts in task.portion.texts():
        pending = iter([*cuts, (len(text) + 1, 0)])
        cut_start, cut_stop = next(pending)
        for start, stop in spans(text, task.kind):
            while cut_stop and cut_stop <= start:
                cut_start, cut_stop = next(pending)
            if stop <= cut_start and (digest := digest_of(text[start:stop], task.shortest)):
                units.append((digest, place_of(item, start), stop - start))
    write_records(task.path, _as_records(units))


def spans(text: str, kind: str) -> Iterator[tuple[int, int]]:
    """Where lines or paragraphs begin and the next begin, the last at the end of the text."""
    if kind == "line":
        start = 0
        for line in text.split("\n"):
            yield start, min(start + len(line) + 1, len(text))
            start += len(line) + 1
    else:
        start = 0
        for gap in EMPTY_LINES.finditer(text):
            yield start, gap.end()
            start = gap.end()
        yield start, len(text)


def digest_of(unit: str, shortest: int) -> bytes | None:
    """What equal lines or paragraphs share; None for those that are not looked for."""
    if len(unit) < shortest:
        return None
    normalised = normalise(unit)
    if len(normalised) < shortest or not SAYS_SOMETHING.search(normalised):
        return None
    return blake2b(normalised.encode(), digest_size=HASH_BYTES).digest()


def _as_records(units: list[tuple[bytes, int, int]]) -> Records:
    records = np.zeros(len(units), UNIT)
    halves = np.frombuffer(b"".join(digest for digest, _, _ in units), "<u8").reshape(-1, 2)
    records["high"], records["low"] = halves[:, 0], halves[:, 1]
    records["place"] = [place for _, place, _ in units]
    records["length"] = [length for _, _, length in units]
    return records
