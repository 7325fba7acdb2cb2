"""Signatures that tell how alike two texts are: the share of places where they agree is an estimate of the Jaccard
similarity of their shingles.

MinHash takes 128 hashes of every shingle. Here a shingle is hashed once and goes to one of 128 places, each of which
keeps its lowest hash; if places are left empty, all shingles are thrown again, and what a place got in an earlier
throw stays (Dahlgaard, Knudsen, Thorup, Fast Similarity Sketching, FOCS 2017). A text of n shingles costs about
n + 128 ln 128 hashes in the place of 128 n. The estimate has no bias, for texts of few shingles too, and its variance
is not above MinHash's; a plain one-permutation sketch that fills its empty places by copying has a larger one there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from danlu.corpus.compiling import Codes, Hashes, Places, kernel
from danlu.corpus.duplicates.shingles import hash_shingles, mix
from danlu.corpus.mixing import GOLDEN
from danlu.corpus.text_batch import TextBatch

NUM_PLACES = 128
"""Length of a signature; the similarity that it tells has a standard error of sqrt(s (1 - s) / 128) <= 0.045."""
TEXTS_PER_BLOCK = 2048
CHARACTERS_PER_BLOCK = 4 * 2**20
"""Texts that are laid out at once, and how long they may be together (one alone may be longer)."""

EMPTY = np.uint64(2**64 - 1)
PLACE_SHIFT = np.uint64(57)
"""The first 7 bits of a hash say the place."""
THROW_SHIFT = np.uint64(56)
RANK = np.uint64(2**56 - 1)
"""The last 56 bits rank hashes of one throw; the throw's number goes above them."""

Signatures = npt.NDArray[np.uint32]


def signatures_of(texts: Sequence[str]) -> Signatures:
    """Shape (texts, NUM_PLACES). Lone surrogates raise UnicodeEncodeError."""
    signatures = np.empty((len(texts), NUM_PLACES), np.uint32)
    done = 0
    for block in blocks_of(texts):
        batch = TextBatch.of(block)
        sign(batch.codes, batch.starts, signatures[done : done + len(block)])
        done += len(block)
    return signatures


def blocks_of(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in order, as many together as may be laid out at once."""
    block: list[str] = []
    num_characters = 0
    for text in texts:
        if len(block) == TEXTS_PER_BLOCK or (block and num_characters + len(text) > CHARACTERS_PER_BLOCK):
            yield block
            block, num_characters = [], 0
        block.append(text)
        num_characters += len(text)
    if block:
        yield block


@kernel
def sign(codes: Codes, starts: Places, signatures: Places) -> None:
    """Write the signature of each text of a batch."""
    longest = 1
    for text in range(len(starts) - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    hashes = np.empty(longest, np.uint64)
    lowest = np.empty(NUM_PLACES, np.uint64)
    for text in range(len(starts) - 1):
        number = hash_shingles(codes, starts[text], starts[text + 1], hashes)
        throw_all(hashes[:number], lowest)
        for place in range(NUM_PLACES):
            signatures[text, place] = np.uint32(lowest[place])


@kernel
def throw_all(hashes: Hashes, lowest: Hashes) -> None:
    """Throw until no place is empty; `lowest` has the lowest of each place then."""
    lowest[:] = EMPTY
    for value in hashes:
        place = value >> PLACE_SHIFT
        lowest[place] = min(lowest[place], value & RANK)
    num_empty = np.sum(lowest == EMPTY)
    throw = 1
    while num_empty:
        for value in hashes:
            thrown = mix(value + np.uint64(throw) * GOLDEN)
            # After as many throws as there are places, each throw fills a place of its own, so that there is an end.
            place = thrown >> PLACE_SHIFT if throw < NUM_PLACES else np.uint64(throw - NUM_PLACES)
            ranked = (np.uint64(throw) << THROW_SHIFT) | (thrown & RANK)
            num_empty -= lowest[place] == EMPTY
            lowest[place] = min(lowest[place], ranked)
        throw += 1
