"""The loops over characters: hashes of all windows of a length, and the few of them that stand for the others."""

from __future__ import annotations

import numpy as np

from danlu.corpus.compiling import Codes, Hashes, Places, kernel
from danlu.corpus.rules.kernels.hashing import mix

MODULUS = np.uint64(2**61 - 1)
"""A prime, so that two different windows of n characters share a hash with a probability of n / 2^61."""
BASE = np.uint64(0x12B9B0A1D2F4C5E7)
"""Any number below it that does not follow from the text."""
LOW_31, LOW_30 = np.uint64(2**31 - 1), np.uint64(2**30 - 1)


@kernel
def reduced(value: np.uint64) -> np.uint64:
    """Modulo `MODULUS`."""
    value = (value & MODULUS) + (value >> np.uint64(61))
    if value >= MODULUS:
        value -= MODULUS
    return value


@kernel
def product(left: np.uint64, right: np.uint64) -> np.uint64:
    """Of two numbers below `MODULUS`, modulo it; in halves of 31 bits, since 2^61 is 1."""
    left_high, left_low = left >> np.uint64(31), left & LOW_31
    right_high, right_low = right >> np.uint64(31), right & LOW_31
    middle = left_low * right_high + left_high * right_low
    high = np.uint64(2) * left_high * right_high + (middle >> np.uint64(30))
    return reduced(high + ((middle & LOW_30) << np.uint64(31)) + left_low * right_low)


@kernel
def window_hashes(codes: Codes, first: int, last: int, length: int) -> Hashes:
    """Of ``codes[place : place + length]`` for each place from `first` on that leaves room before `last`.

    Polynomials in `BASE` (Karp and Rabin 1987, IBM Journal of Research and Development 31(2)).
    """
    count = last - first - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    hashes = np.empty(count, np.uint64)
    leading = np.uint64(1)
    for _ in range(length - 1):
        leading = product(leading, BASE)
    value = np.uint64(0)
    for place in range(first, first + length):
        value = reduced(product(value, BASE) + np.uint64(codes[place]) + np.uint64(1))
    hashes[0] = mix(value)
    for number in range(1, count):
        gone = product(np.uint64(codes[first + number - 1]) + np.uint64(1), leading)
        value = reduced(value + MODULUS - gone)
        value = reduced(product(value, BASE) + np.uint64(codes[first + number + length - 1]) + np.uint64(1))
        hashes[number] = mix(value)
    return hashes


@kernel
def winnowed(hashes: Hashes, width: int) -> Places:
    """Places of hashes that are the least of some `width` neighbours, the leftmost where several are.

    Which one that is depends on nothing but the neighbours, so equal stretches choose the same (Schleimer, Wilkerson,
    Aiken 2003, "Winnowing", SIGMOD).
    """
    chosen = np.empty(len(hashes), np.int64)
    count = 0
    queue = np.empty(len(hashes), np.int64)  # places that may be the least of a stretch to come, hashes rising
    head, tail = 0, 0
    for place in range(len(hashes)):
        while tail > head and hashes[queue[tail - 1]] > hashes[place]:
            tail -= 1
        queue[tail] = place
        tail += 1
        if queue[head] <= place - width:
            head += 1
        if place >= width - 1 and (not count or chosen[count - 1] != queue[head]):
            chosen[count] = queue[head]
            count += 1
    return chosen[:count]
