"""Many texts as one flat array of code points, which compiled loops go through without a Python string in sight.

A code point a place, not a byte: lengths are then Python's, and a look-up in a table says what a character is. It costs
four bytes a character while the batch is at hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TextBatch:
    """Texts end to end."""

    codes: npt.NDArray[np.uint32]
    """Code points of all texts, in order."""
    starts: npt.NDArray[np.int64]
    """Shape (texts + 1,): where each text begins in `codes`, and the end of the last."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextBatch:
        """Texts as a batch. Lone surrogates, which no UTF-8 holds, raise UnicodeEncodeError."""
        # A copy, since kernels are compiled for arrays that can be written to.
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4").astype(np.uint32)
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=starts[1:])
        return cls(codes, starts)

    def __len__(self) -> int:
        """Texts."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Characters of each text."""
        return np.diff(self.starts)

    def texts(self) -> list[str]:
        """The texts as Python has them."""
        joined = self.codes.astype("<u4").tobytes().decode("utf-32-le")
        starts = self.starts.tolist()
        return [joined[first:last] for first, last in itertools.pairwise(starts)]

    def take(self, rows: npt.NDArray[np.int64]) -> TextBatch:
        """Some of the texts, in the order of `rows`."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        pieces = [self.codes[self.starts[row] : self.starts[row + 1]] for row in rows]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.lengths[rows], out=starts[1:])
        return TextBatch(np.concatenate(pieces) if pieces else np.zeros(0, np.uint32), starts)
