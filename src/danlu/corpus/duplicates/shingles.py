"""The shingles of a text: hashes of its character 5-grams, whose sets are what near duplicates are compared by.

Of characters rather than words, since Chinese puts no blanks between words and an instruction of twenty words has too
few word 5-grams to survive one changed word.
"""

from __future__ import annotations

import itertools

import numpy as np

from danlu.corpus import mixing
from danlu.corpus.compiling import Codes, Hashes, Places, kernel
from danlu.corpus.mixing import GOLDEN
from danlu.corpus.text_batch import TextBatch

SHINGLE_CHARACTERS = 5

GOLDEN_TO_THE_FIFTH = np.uint64(pow(int(GOLDEN), SHINGLE_CHARACTERS, 2**64))

mix = kernel(mixing.mix)


@kernel
def hash_shingles(codes: Codes, first: int, last: int, hashes: Hashes) -> int:
    """Write the hashes of the shingles of ``codes[first:last]`` into `hashes`, in order; returns how many there are.

    A shorter text is one shingle, filled up with zeros. A 5-gram is a polynomial in GOLDEN, of which the next one is
    made in two multiplications, whatever its length.
    """
    value = np.uint64(0)
    for place in range(first, first + SHINGLE_CHARACTERS):
        value *= GOLDEN
        if place < last:
            value += np.uint64(codes[place])
    hashes[0] = mix(value)
    number = 1
    for place in range(first + SHINGLE_CHARACTERS, last):
        leaves = np.uint64(codes[place - SHINGLE_CHARACTERS]) * GOLDEN_TO_THE_FIFTH
        value = value * GOLDEN + (np.uint64(codes[place]) - leaves)
        hashes[number] = mix(value)
        number += 1
    return number


def shingle_sets(batch: TextBatch) -> tuple[Hashes, Places]:
    """The distinct shingles of each text of a batch, ascending, end to end; and where each set begins, with the end of
    the last."""
    hashes, starts = hash_all(batch.codes, batch.starts)
    for first, last in itertools.pairwise(starts.tolist()):
        hashes[first:last].sort()  # numpy's is several times as fast as what numba makes of it
    return keep_distinct(hashes, starts)


@kernel
def hash_all(codes: Codes, starts: Places) -> tuple[Hashes, Places]:
    """The shingles of each text of a batch, in order, end to end; and where those of each begin."""
    hashes = np.empty(len(codes) + len(starts), np.uint64)
    its_starts = np.zeros(len(starts), np.int64)
    for text in range(len(starts) - 1):
        first = its_starts[text]
        its_starts[text + 1] = first + hash_shingles(codes, starts[text], starts[text + 1], hashes[first:])
    return hashes[: its_starts[-1]], its_starts


@kernel
def keep_distinct(hashes: Hashes, starts: Places) -> tuple[Hashes, Places]:
    """Of ascending hashes, each once."""
    its_starts = np.zeros(len(starts), np.int64)
    end = 0
    for text in range(len(starts) - 1):
        for place in range(starts[text], starts[text + 1]):
            if place == starts[text] or hashes[place] != hashes[end - 1]:
                hashes[end] = hashes[place]
                end += 1
        its_starts[text + 1] = end
    return hashes[:end].copy(), its_starts


@kernel
def jaccard(left: Hashes, right: Hashes) -> float:
    """Size of the intersection over size of the union of two ascending sets."""
    shared = one = other = 0
    while one < len(left) and other < len(right):
        mine, theirs = left[one], right[other]
        shared += mine == theirs
        one += mine <= theirs
        other += mine >= theirs
    return shared / (len(left) + len(right) - shared)
