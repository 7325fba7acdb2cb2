"""64-bit hashes of pieces of text, and the two kinds of table that look them up.

Equal hashes are taken for equal texts. Among the 100,000 n-grams of a long document two different ones share a hash
once in four billion documents.

A table is one array. numba counts references to the arrays in a tuple wherever it is handed on, which takes longer than
to look something up; to an array that is handed on by itself it does not.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from danlu.corpus.compiling import Codes, Hashes, Places, kernel

OFFSET = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)
"""FNV-1a's, over code points."""
MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
"""MurmurHash3's last steps, which spread what differs over all bits."""
SHIFT = np.uint64(33)


LookUp: TypeAlias = npt.NDArray[Any]
"""A table that does not change, from hash to row: uint64, shape (slots, 2), a hash and its row + 1, which is zero in
slots that are free. There is a power of two of them, at most a quarter taken."""
Seen: TypeAlias = npt.NDArray[Any]
"""A set of hashes that is emptied by taking another stamp, for as many pieces as it has room for: int64, shape
(slots, 4), columns `KEY`, `STAMP`, `COUNT`, `FIRST`. What belongs together lies together, in one line of the cache."""
KEY, STAMP, COUNT, FIRST = 0, 1, 2, 3
"""The stamp says whose key it is, zero: nobody's. The last two are free for the caller's use."""


@kernel
def mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> SHIFT)) * MIX_1
    value = (value ^ (value >> SHIFT)) * MIX_2
    return value ^ (value >> SHIFT)


@kernel
def hash_piece(codes: Codes, first: int, last: int) -> np.uint64:
    """Of ``codes[first:last]``."""
    value = OFFSET
    for place in range(first, last):
        value = (value ^ np.uint64(codes[place])) * PRIME
    return mix(value)


@kernel
def hash_pieces(codes: Codes, starts: Places) -> Hashes:
    """Of each text of a batch."""
    hashes = np.empty(len(starts) - 1, np.uint64)
    for row in range(len(hashes)):
        hashes[row] = hash_piece(codes, starts[row], starts[row + 1])
    return hashes


@kernel
def build_table(hashes: Hashes) -> LookUp:
    """Of different hashes."""
    slots = 16
    while slots < 4 * len(hashes):
        slots *= 2
    table = np.zeros((slots, 2), np.uint64)
    for row in range(len(hashes)):
        slot = np.int64(hashes[row] & np.uint64(slots - 1))
        while table[slot, 1]:
            slot = (slot + 1) & (slots - 1)
        table[slot, 0] = hashes[row]
        table[slot, 1] = row + 1
    return table


@kernel
def find_row(table: LookUp, value: np.uint64) -> int:
    """The row of a hash, -1 if it is not there."""
    last = len(table) - 1
    slot = np.int64(value & np.uint64(last))
    while table[slot, 1]:
        if table[slot, 0] == value:
            row: Any = np.int64(table[slot, 1]) - 1
            return row  # type: ignore[no-any-return]
        slot = (slot + 1) & last
    return -1


def look_up_of(texts: list[str]) -> LookUp:
    """From the hash of each text to its place in the list."""
    from danlu.corpus.text_batch import TextBatch

    batch = TextBatch.of(texts)
    found: LookUp = build_table(hash_pieces(batch.codes, batch.starts))
    return found


@kernel
def num_slots(size: int) -> int:
    """Slots for so many pieces: a power of two, at least twice as many."""
    slots = 16
    while slots < 2 * size:
        slots *= 2
    return slots


@kernel
def make_seen(size: int) -> Seen:
    """Room for `size` pieces."""
    return np.zeros((num_slots(size), 4), np.int64)


@kernel
def find_slot(seen: Seen, slots: int, stamp: int, value: np.uint64) -> tuple[int, bool]:
    """Where a hash is, or now is, among the first `slots` slots, and whether it was there before."""
    slot: Any = np.int64(value & np.uint64(slots - 1))
    key = np.int64(value)
    while seen[slot, STAMP] == stamp:
        if seen[slot, KEY] == key:
            return slot, True
        slot = (slot + 1) & (slots - 1)
    seen[slot, STAMP] = stamp
    seen[slot, KEY] = key
    return slot, False
