"""64-bit hashes of pieces of text, and the two kinds of table that look them up.

Equal hashes are taken for equal texts. Among the 100,000 n-grams of a long document two different ones share a hash
once in four billion documents.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from danlu.corpus.compiling import Codes, Hashes, Places, kernel

OFFSET = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)
"""FNV-1a's, over code points."""
MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
"""MurmurHash3's last steps, which spread what differs over all bits."""
SHIFT = np.uint64(33)


class LookUp(NamedTuple):
    """A table that does not change: from hash to row."""

    keys: Hashes
    """Shape (slots,), a power of two, at most a quarter of them taken."""
    rows: Places
    """-1 in slots that are free."""


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
def build_slots(hashes: Hashes) -> tuple[Hashes, Places]:
    """The two arrays of a `LookUp` of different hashes."""
    slots = 16
    while slots < 4 * len(hashes):
        slots *= 2
    keys = np.zeros(slots, np.uint64)
    rows = np.full(slots, -1, np.int64)
    for row in range(len(hashes)):
        slot = np.int64(hashes[row] & np.uint64(slots - 1))
        while rows[slot] >= 0:
            slot = (slot + 1) & (slots - 1)
        keys[slot] = hashes[row]
        rows[slot] = row
    return keys, rows


@kernel
def find_row(table: LookUp, value: np.uint64) -> int:
    """The row of a hash, -1 if it is not there."""
    last = len(table.rows) - 1
    slot = np.int64(value & np.uint64(last))
    while table.rows[slot] >= 0:
        if table.keys[slot] == value:
            row: int = table.rows[slot]
            return row
        slot = (slot + 1) & last
    return -1


def look_up_of(texts: list[str]) -> LookUp:
    """From the hash of each text to its place in the list."""
    from danlu.corpus.text_batch import TextBatch

    batch = TextBatch.of(texts)
    slots: Any = build_slots(hash_pieces(batch.codes, batch.starts))
    return LookUp(*slots)


class Seen(NamedTuple):
    """A set of hashes that is emptied by taking another stamp, for as many pieces as it has room for."""

    keys: Hashes
    stamps: Places
    """Whose key it is. Zero: nobody's."""
    counts: Places
    """Free for the caller's use, by slot."""
    firsts: Places
    """Likewise."""


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
    slots = num_slots(size)
    return Seen(
        np.zeros(slots, np.uint64), np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64)
    )


@kernel
def find_slot(seen: Seen, slots: int, stamp: int, value: np.uint64) -> tuple[int, bool]:
    """Where a hash is, or now is, among the first `slots` slots, and whether it was there before."""
    slot: Any = np.int64(value & np.uint64(slots - 1))
    while seen.stamps[slot] == stamp:
        if seen.keys[slot] == value:
            return slot, True
        slot = (slot + 1) & (slots - 1)
    seen.stamps[slot] = stamp
    seen.keys[slot] = value
    return slot, False
