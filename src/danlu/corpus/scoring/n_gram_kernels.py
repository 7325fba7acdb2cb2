"""Hashes of n-grams of characters, a table that holds two numbers for each, and texts scored with it, compiled.

The hash of an n-gram grows from its last character to its first, so that of its end comes on the way. A slot of the
table keeps 32 bits of a hash besides those that say where it lies: an n-gram that is not there is taken for another
once in a billion looks or so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.characters import NUM_CODES
from danlu.corpus.compiling import Codes, Hashes, Places, kernel
from danlu.corpus.rules.kernels.hashing import OFFSET, PRIME, mix

PAD = NUM_CODES
"""Stands before the beginning of a text; no code point."""
FREE = np.uint32(0)
HALF = np.uint64(32)

Numbers = npt.NDArray[np.float32]


@kernel
def add_in_front(value: np.uint64, code: Any) -> np.uint64:
    """The hash of an n-gram with one more character before it. Nothing has the hash `OFFSET`."""
    return mix((value ^ np.uint64(code + 1)) * PRIME)


@kernel
def hash_n_grams(codes: Codes, ends: Places, length: int) -> Hashes:
    """Of the n-grams whose last characters stand at `ends`."""
    hashes = np.empty(len(ends), np.uint64)
    for row in range(len(ends)):
        value = OFFSET
        for back in range(length):
            value = add_in_front(value, codes[ends[row] - back])
        hashes[row] = value
    return hashes


@kernel
def find_slot(prints: npt.NDArray[np.uint32], value: np.uint64) -> tuple[Any, bool]:
    """Where a hash is, or could be put, and whether it is there."""
    last = len(prints) - 1
    slot = np.int64(value & np.uint64(last))
    wanted = np.uint32(value >> HALF) | np.uint32(1)
    while prints[slot] != FREE:
        if prints[slot] == wanted:
            return slot, True
        slot = (slot + 1) & last
    return slot, False


@kernel
def put(
    prints: npt.NDArray[np.uint32], numbers: Numbers, others: Numbers, hashes: Hashes, first: Numbers, second: Numbers
) -> None:
    """Add hashes with their two numbers to a table; those that are there are changed."""
    for row in range(len(hashes)):
        slot, _ = find_slot(prints, hashes[row])
        prints[slot] = np.uint32(hashes[row] >> HALF) | np.uint32(1)
        numbers[slot] = first[row]
        others[slot] = second[row]


@kernel
def sum_logarithms(
    codes: Codes,
    starts: Places,
    prints: npt.NDArray[np.uint32],
    probabilities: Numbers,
    back_offs: Numbers,
    longest: int,
    unknown: float,
) -> npt.NDArray[np.float64]:
    """The logarithm of each text's probability.

    A character has that of the longest n-gram that is there and ends with it, and the back-offs of the longer contexts:
    those n-grams that ended with the character before.
    """
    sums = np.zeros(len(starts) - 1)
    before = np.empty(longest + 1, np.int64)
    now = np.empty(longest + 1, np.int64)
    for text in range(len(sums)):
        value = OFFSET
        before[:] = -1
        for length in range(1, longest):
            value = add_in_front(value, PAD)
            slot, known = find_slot(prints, value)
            before[length] = slot if known else -1
        total = 0.0
        start = starts[text]
        for place in range(start, starts[text + 1]):
            value = OFFSET
            logarithm = unknown
            matched = 0
            now[:] = -1
            for length in range(1, longest + 1):
                at = place - length + 1
                value = add_in_front(value, np.int64(codes[at]) if at >= start else PAD)
                slot, known = find_slot(prints, value)
                if not known:
                    break
                now[length] = slot
                logarithm = probabilities[slot]
                matched = length
            total += logarithm
            for length in range(max(1, matched), longest):
                if before[length] >= 0:
                    total += back_offs[before[length]]
            before, now = now, before
        sums[text] = total
    return sums
