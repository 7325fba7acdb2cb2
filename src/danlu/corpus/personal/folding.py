"""Texts of a batch as one row of code points, with full-width forms, odd blanks and dashes folded into ASCII.

One character becomes one character, so a place in the folded text is the same place in the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]

SEPARATOR = "\0"
"""Stands between two texts; part of no kind of value."""
BLANKS = "\u00a0\u2002\u2003\u2009\u202f\u3000"
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
FIRST_FULL_WIDTH, LAST_FULL_WIDTH = 0xFF01, 0xFF5E
FULL_WIDTH_MINUS_ASCII = 0xFEE0
PLANE = 1 << 16
"""Code points that are looked up in tables; those above stand for themselves."""


@dataclass(frozen=True)
class Folded:
    """A batch of texts, one behind the other with a separator between."""

    text: str
    """All texts, folded."""
    codes: Codes
    """The same as code points."""
    starts: npt.NDArray[np.int64]
    """Where each text begins in it."""


def fold(texts: Sequence[str]) -> Folded:
    """Join and fold `texts`."""
    joined = SEPARATOR.join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.cumsum(lengths + 1) - lengths - 1
    if joined.isascii():
        return Folded(joined, codes, starts)
    folded = np.where(codes < PLANE, folding_table()[np.minimum(codes, PLANE - 1)], codes)
    return Folded(folded.tobytes().decode("utf-32-le", "surrogatepass"), folded, starts)


@cache
def folding_table() -> Codes:
    """What each code point of the first plane becomes."""
    table = np.arange(PLANE, dtype=np.uint32)
    table[FIRST_FULL_WIDTH : LAST_FULL_WIDTH + 1] -= FULL_WIDTH_MINUS_ASCII
    table[[ord(blank) for blank in BLANKS]] = ord(" ")
    table[[ord(dash) for dash in DASHES]] = ord("-")
    return table
