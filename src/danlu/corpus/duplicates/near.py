"""Near duplicates: MinHash signatures propose pairs, and the Jaccard similarity of the two sets of 5-grams decides.

Of characters rather than words, since Chinese puts no blanks between words and an instruction of twenty words has too
few word 5-grams to survive one changed word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

SHINGLE_CHARACTERS = 5
NUM_HASHES = 128
"""Length of a signature; the similarity it tells has a standard error of sqrt(s (1 - s) / 128) <= 0.045."""
MISS_PROBABILITY = 1e-4
"""At most this share of pairs that are just similar enough is never proposed."""
MARGIN = 0.2
"""Pairs whose signatures agree less than the threshold by this much (over 4 standard errors) are not looked at."""
ROWS_PER_BLOCK = 2048
CHARACTERS_PER_BLOCK = 4 * 2**20
"""Rows whose shingles are held at once, and how long they may be together (one alone may be longer)."""
SHINGLES_HELD = 1024
"""Rows whose shingles are kept for the next comparison."""
SEED = 7

# Odd 64-bit constants: the fractional part of the golden ratio, and the multipliers of the splitmix64 finaliser.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

Hashes = npt.NDArray[np.uint64]


def signatures_of(texts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """MinHash signatures, shape (len(texts), NUM_HASHES)."""
    blocks = [_signatures(block) for block in _blocks(texts)]
    return np.concatenate(blocks) if blocks else np.zeros((0, NUM_HASHES), np.uint32)


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    num_characters = 0
    for text in texts:
        if len(block) == ROWS_PER_BLOCK or (block and num_characters + len(text) > CHARACTERS_PER_BLOCK):
            yield block
            block, num_characters = [], 0
        block.append(text)
        num_characters += len(text)
    if block:
        yield block


def shingles(text: str) -> Hashes:
    """64-bit hashes of the distinct character 5-grams of `text`, sorted. A shorter text is one shingle."""
    hashes = _hashes(text)
    hashes.sort()
    first_of_run = np.concatenate([np.ones(1, np.bool_), hashes[1:] != hashes[:-1]])
    distinct: Hashes = hashes[first_of_run]
    return distinct


def _hashes(text: str) -> Hashes:
    """64-bit hashes of the character 5-grams of `text`, in order."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    if len(characters) < SHINGLE_CHARACTERS:
        characters = np.pad(characters, (0, SHINGLE_CHARACTERS - len(characters)))
    hashes = np.zeros(len(characters) - SHINGLE_CHARACTERS + 1, np.uint64)
    for offset in range(SHINGLE_CHARACTERS):
        # A code point has 21 bits; multiplying and mixing spreads each over the whole word before the next comes in.
        hashes = (hashes ^ characters[offset : offset + len(hashes)]) * GOLDEN
        hashes ^= hashes >> np.uint64(29)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * MIX_1
    hashes = (hashes ^ (hashes >> np.uint64(27))) * MIX_2
    return hashes ^ (hashes >> np.uint64(31))


def jaccard(left: Hashes, right: Hashes) -> float:
    """Size of the intersection over size of the union of two sets of distinct hashes."""
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / (len(left) + len(right) - shared)


@cache
def num_bands(threshold: float) -> int:
    """Bands to cut a signature into: few and wide, yet a pair at the threshold is missed in MISS_PROBABILITY at most.

    With b bands of r hashes a pair of similarity s is proposed with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman,
    Ullman, Mining of Massive Datasets, section 3.4).
    """
    for width in range(NUM_HASHES, 0, -1):
        bands = NUM_HASHES // width
        if threshold == 1 or bands * math.log1p(-(threshold**width)) <= math.log(MISS_PROBABILITY):
            return bands
    return NUM_HASHES


def _signatures(texts: list[str]) -> npt.NDArray[np.uint32]:
    """MinHash signatures, shape (len(texts), NUM_HASHES)."""
    from rensa import RMinHash

    sets = [_hashes(text) for text in texts]  # a minimum does not mind that some come twice
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(sets), offsets, NUM_HASHES, SEED)
    return np.array(matrix.to_rows(), np.uint32)


def band_keys(signatures: npt.NDArray[np.uint32], threshold: float) -> Hashes:
    """A hash of each band of each signature, shape (rows, bands); bands never share a key with one another."""
    bands = num_bands(threshold)
    width = NUM_HASHES // bands
    banded = signatures[:, : bands * width].reshape(len(signatures), bands, width).astype(np.uint64)
    keys = np.broadcast_to(np.arange(1, bands + 1, dtype=np.uint64) * MIX_1, banded.shape[:2]).copy()
    for column in range(width):
        keys = (keys ^ banded[:, :, column]) * GOLDEN
        keys ^= keys >> np.uint64(29)
    return keys


def that_share_a_key(keys: Hashes) -> npt.NDArray[np.bool_]:
    """Of the keys of one band, shape (rows,): which rows have the key of another."""
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    shared = np.zeros(len(keys), np.bool_)
    shared[order[1:]] = same
    shared[order[:-1]] |= same
    return shared


class Similar(Protocol):
    """Rows that may repeat others, by their numbers."""

    def signature(self, row: int) -> npt.NDArray[np.uint32]:
        """Shape (NUM_HASHES,)."""
        ...

    def comparable(self, row: int) -> str:
        """Text."""
        ...


def find(
    rows: npt.NDArray[np.int64], keys: Hashes, similar: Similar, threshold: float
) -> Iterator[tuple[int, int, float]]:
    """Rows to leave out, in order: (row, the earlier row that stays and that it repeats, their similarity).

    Args:
        rows: In order; those that share no key with another need not be among them.
        keys: Theirs, as of `band_keys`.
        similar: What they hold.
        threshold: Of the Jaccard similarity.
    """
    shingles_of = lru_cache(maxsize=SHINGLES_HELD)(lambda row: shingles(similar.comparable(row)))
    kept_by_key: dict[int, list[int]] = {}
    for row, its_keys in zip(rows.tolist(), keys, strict=True):
        signature = similar.signature(row)
        row_keys = its_keys.tolist()
        earlier = sorted({other for key in row_keys for other in kept_by_key.get(key, ())})
        likely = [other for other in earlier if (similar.signature(other) == signature).mean() >= threshold - MARGIN]
        pairs = ((other, jaccard(shingles_of(other), shingles_of(row))) for other in likely)
        match = next((pair for pair in pairs if pair[1] >= threshold), None)
        if match is not None:
            yield row, *match
            continue
        for key in row_keys:
            kept_by_key.setdefault(key, []).append(row)
