"""What one process does at a time: files, and stretches of files, of about the same size together.

How work is divided depends on the sources alone, and not on who does it: so what comes out does not, either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from danlu.corpus.reading.table import Piece


@dataclass(frozen=True)
class Part:
    """Pieces that are read one after the other."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def num_bytes(self) -> int:
        return sum(piece.num_bytes for piece in self.pieces)


def parts_of(pieces: Iterable[Piece], size: int) -> Iterator[Part]:
    """Pieces in order, put together as long as they have `size` bytes together at most."""
    together: list[Piece] = []
    num_bytes = number = 0
    for piece in pieces:
        if together and num_bytes + piece.num_bytes > size:
            yield Part(number, tuple(together))
            together, num_bytes, number = [], 0, number + 1
        together.append(piece)
        num_bytes += piece.num_bytes
    if together:
        yield Part(number, tuple(together))
