"""What each piece of text is turned into is found out once and then looked up: arrays instead of a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from danlu.tokens.cuts import NUM_CODE_POINTS, Cuts

CHARACTERS_PER_BLOCK = 2**20
MOST_PIECES = 2**21
"""Known pieces beyond these are all forgotten, so that memory does not grow with the text."""
SLOT_BITS = 20
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, which spreads neighbouring keys (Knuth, The Art of Computer Programming, 6.4)."""

Indices = npt.NDArray[np.intp]
Value = TypeVar("Value", bound=np.generic)


class PieceLookup(Generic[Value]):
    """Turns texts into arrays by turning their pieces into arrays.

    Args:
        cuts: Where texts may be cut.
        translate: Turns pieces into one flat array of `dtype` and the number of values of each. What it makes of a
            piece may not depend on the others.
        dtype: Of the arrays.
    """

    def __init__(
        self, cuts: Cuts, translate: Callable[[list[str]], tuple[npt.NDArray[Value], Indices]], dtype: type[Value]
    ) -> None:
        self._cuts = cuts
        self._translate = translate
        self._dtype = dtype
        self._forget()

    def _forget(self) -> None:
        self._known: dict[str, int] = {}
        self._num_pieces = 0
        self._singles = np.full(NUM_CODE_POINTS, -1, np.intp)
        self._slot_keys = np.full(2**SLOT_BITS, -1, np.int64)
        self._slot_pieces = np.zeros(2**SLOT_BITS, np.intp)
        self._counts, self._starts = np.zeros(0, np.intp), np.zeros(0, np.intp)
        self._pool = np.zeros(0, self._dtype)
        self._pool_size = 0

    def __call__(
        self, texts: Sequence[str], whole: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[Value], npt.NDArray[np.int64]]:
        """All texts' arrays one after the other.

        Args:
            texts: Without lone surrogates.
            whole: Texts that are not to be cut; none if it is left out.

        Returns:
            The values, flat, and ``(len(texts) + 1,)`` offsets of the texts in them.
        """
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        parts, counts = [np.zeros(0, self._dtype)], [np.zeros(1, np.int64)]
        for first, last in _blocks(lengths):
            flags = None if whole is None else whole[first:last]
            values, ends = self._block(texts[first:last], lengths[first:last], flags)
            parts.append(values)
            counts.append(np.diff(ends, prepend=0))
        return np.concatenate(parts), np.cumsum(np.concatenate(counts))

    def _block(
        self, texts: Sequence[str], lengths: npt.NDArray[np.int64], whole: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[Value], npt.NDArray[np.int64]]:
        """The values of some texts, and where each text ends in them."""
        if self._num_pieces > MOST_PIECES:
            self._forget()
        data = "".join(texts).encode("utf-32-le")
        codes = np.frombuffer(data, "<u4").astype(np.intp)
        if not codes.size:
            return np.zeros(0, self._dtype), np.zeros(len(texts), np.int64)
        text_ends = np.cumsum(lengths)
        is_cut = np.ones(codes.size + 1, np.bool_)
        is_cut[1:-1] = self._cuts.between(codes)
        if whole is not None:
            for text in np.flatnonzero(whole).tolist():
                is_cut[text_ends[text] - lengths[text] : text_ends[text]] = False
        is_cut[0] = True
        is_cut[text_ends] = True
        edges = np.flatnonzero(is_cut)
        pieces = self._find(data, codes, edges)
        counts = self._counts.take(pieces)
        ends = np.cumsum(counts)
        places = np.repeat(self._starts.take(pieces) - (ends - counts), counts)
        places += np.arange(places.size)
        last_pieces = np.searchsorted(edges, text_ends) - 1
        return self._pool.take(places), np.where(last_pieces < 0, 0, ends.take(last_pieces, mode="clip"))

    def _find(self, data: bytes, codes: Indices, edges: Indices) -> Indices:
        """The number of each piece. Short ones are found in tables, longer ones by Arrow's hashing."""
        starts, sizes = edges[:-1], np.diff(edges)
        first = codes.take(starts)
        pieces = self._singles.take(first)
        self._learn_singles(pieces, first, sizes)
        several = np.flatnonzero(sizes > 1)
        few = sizes.take(several) <= 3
        pieces[several[few]] = self._find_few(codes, starts.take(several[few]), sizes.take(several[few]))
        pieces[several[~few]] = self._find_many(data, edges, several[~few])
        return pieces

    def _learn_singles(self, pieces: Indices, first: Indices, sizes: Indices) -> None:
        unknown = np.flatnonzero((pieces < 0) & (sizes == 1))
        if unknown.size:
            new = np.unique(first.take(unknown))
            self._singles[new] = self._numbers([chr(code) for code in new.tolist()])
            pieces[unknown] = self._singles.take(first.take(unknown))

    def _find_few(self, codes: Indices, starts: Indices, sizes: Indices) -> Indices:
        """Pieces of two or three characters: their code points fit in one integer, which is looked for in one slot."""
        keys = codes.take(starts) | codes.take(starts + 1) << 21
        keys |= np.where(sizes == 3, codes.take(starts + 2, mode="clip") + 1, 0) << 42
        slots = (keys.astype(np.uint64) * MULTIPLIER >> np.uint64(64 - SLOT_BITS)).astype(np.intp)
        pieces = self._slot_pieces.take(slots)
        missed = np.flatnonzero(self._slot_keys.take(slots) != keys)
        if missed.size:
            new, firsts, inverse = np.unique(keys.take(missed), return_index=True, return_inverse=True)
            numbers = self._numbers([_text_of(key) for key in new.tolist()])
            taken = slots.take(missed.take(firsts))
            self._slot_keys[taken], self._slot_pieces[taken] = new, numbers
            pieces[missed] = numbers.take(inverse)
        return pieces

    def _find_many(self, data: bytes, edges: Indices, which: Indices) -> Indices:
        import pyarrow as pa

        if not which.size:
            return which
        offsets = pa.py_buffer((edges * 4).astype(np.int64))
        everything = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(edges) - 1, [None, offsets, pa.py_buffer(data)]
        )
        found = everything.take(pa.array(which)).dictionary_encode()
        numbers = self._numbers([piece.decode("utf-32-le") for piece in found.dictionary.to_pylist()])
        indices: Indices = found.indices.to_numpy().astype(np.intp)
        return numbers.take(indices)

    def _numbers(self, pieces: list[str]) -> Indices:
        """The numbers of pieces; those never seen before are translated."""
        new = [piece for piece in pieces if piece not in self._known]
        if new:
            self._add(new)
        return np.fromiter(map(self._known.__getitem__, pieces), np.intp, len(pieces))

    def _add(self, pieces: list[str]) -> None:
        values, counts = self._translate(pieces)
        assert len(counts) == len(pieces), f"{len(pieces)} pieces became {len(counts)}"
        first = self._num_pieces
        self._known.update(zip(pieces, range(first, first + len(pieces)), strict=True))
        self._num_pieces += len(pieces)
        starts = self._pool_size + np.cumsum(counts) - counts
        self._counts = _put(self._counts, first, counts)
        self._starts = _put(self._starts, first, starts)
        self._pool = _put(self._pool, self._pool_size, values)
        self._pool_size += len(values)


def _blocks(lengths: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
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
        array = np.resize(array, 2 * (at + len(values))) if array.size else np.zeros(2 * len(values), array.dtype)
    array[at : at + len(values)] = values
    return array


def _text_of(key: int) -> str:
    mask = 2**21 - 1
    third = key >> 42
    return chr(key & mask) + chr(key >> 21 & mask) + (chr(third - 1) if third else "")
