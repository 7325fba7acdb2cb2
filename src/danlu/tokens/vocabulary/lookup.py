"""What each piece of text is turned into is found out once and then looked up: arrays instead of a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.tokens.vocabulary.cuts import NUM_CODE_POINTS, may_cut

CHARACTERS_PER_BLOCK = 2**20
MOST_PIECES = 2**21
"""Known pieces beyond these are all forgotten, so that memory does not grow with the text."""

Value = TypeVar("Value", bound=np.generic)
Indices = npt.NDArray[np.intp]
Values = npt.NDArray[np.uint16]
Translate = Callable[[list[str]], tuple[Values, Indices]]
"""Turns pieces into one flat array and the number of values of each. What it makes of a piece may not depend on the
others."""


class PieceLookup:
    """Turns texts into arrays by cutting them (`danlu.tokens.vocabulary.cuts`) and turning pieces into arrays."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate
        self._forget()

    def _forget(self) -> None:
        self._known: dict[str, int] = {}
        self._characters = np.full(NUM_CODE_POINTS, -1, np.intp)
        """Numbers of the pieces that are one character; -1 for those never met."""
        self._counts, self._starts = np.zeros(0, np.intp), np.zeros(0, np.intp)
        self._pool, self._pool_size = np.zeros(0, np.uint16), 0

    def __call__(self, texts: Sequence[str]) -> Iterator[tuple[Values, Indices]]:
        """The texts' values, block by block: flat, and where each text of the block ends in them."""
        lengths = np.fromiter(map(len, texts), np.intp, len(texts))
        for first, last in _blocks(lengths):
            yield self._block(texts[first:last], np.cumsum(lengths[first:last]))

    def _block(self, texts: Sequence[str], text_ends: Indices) -> tuple[Values, Indices]:
        if len(self._known) > MOST_PIECES:
            self._forget()
        data = "".join(texts).encode("utf-32-le")
        codes = np.frombuffer(data, "<u4").astype(np.intp)
        is_edge = np.ones(codes.size + 1, np.bool_)
        is_edge[1:-1] = may_cut(codes) if codes.size else False
        is_edge[text_ends] = True
        edges = np.flatnonzero(is_edge)
        pieces = self._find(data, codes, edges)
        counts = self._counts.take(pieces)
        ends = np.concatenate([np.zeros(1, np.intp), np.cumsum(counts)])
        places = np.repeat(self._starts.take(pieces) - ends[:-1], counts)
        places += np.arange(places.size)
        return self._pool.take(places), ends.take(np.searchsorted(edges, text_ends))

    def _find(self, data: bytes, codes: Indices, edges: Indices) -> Indices:
        """The number of each piece: single characters from a table, longer ones by Arrow's hashing."""
        firsts, sizes = codes.take(edges[:-1]), np.diff(edges)
        pieces = self._characters.take(firsts)
        unknown = np.flatnonzero((pieces < 0) & (sizes == 1))
        new = np.unique(firsts.take(unknown))
        self._characters[new] = self._numbers([chr(code) for code in new.tolist()])
        pieces[unknown] = self._characters.take(firsts.take(unknown))
        longer = np.flatnonzero(sizes > 1)
        offsets = pa.py_buffer((edges * 4).astype(np.int64))
        everything = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(sizes), [None, offsets, pa.py_buffer(data)]
        )
        found = everything.take(pa.array(longer)).dictionary_encode()
        numbers = self._numbers([piece.decode("utf-32-le") for piece in found.dictionary.to_pylist()])
        pieces[longer] = numbers.take(found.indices.to_numpy())
        return pieces

    def _numbers(self, pieces: list[str]) -> Indices:
        """The numbers of pieces; those never met before are translated."""
        new = [piece for piece in pieces if piece not in self._known]
        if new:
            self._add(new)
        return np.fromiter(map(self._known.__getitem__, pieces), np.intp, len(pieces))

    def _add(self, pieces: list[str]) -> None:
        values, counts = self._translate(pieces)
        first = len(self._known)
        self._known.update(zip(pieces, range(first, first + len(pieces)), strict=True))
        self._counts = _put(self._counts, first, counts)
        self._starts = _put(self._starts, first, self._pool_size + np.cumsum(counts) - counts)
        self._pool = _put(self._pool, self._pool_size, values)
        self._pool_size += len(values)


def _blocks(lengths: Indices) -> Iterator[tuple[int, int]]:
    """Ranges of texts with about `CHARACTERS_PER_BLOCK` characters together: arrays that the processor keeps near."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + CHARACTERS_PER_BLOCK, "right")))
        yield first, last
        first = last


def _put(array: npt.NDArray[Value], at: int, values: npt.NDArray[Value]) -> npt.NDArray[Value]:
    """Write behind what is used of an array, into a longer copy if there is no room."""
    if at + len(values) > len(array):
        longer = np.zeros(2 * (at + len(values)), array.dtype)
        longer[:at] = array[:at]
        array = longer
    array[at : at + len(values)] = values
    return array
