"""Near duplicates written out in plain Python, without a thought of speed: sets of strings and all pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from danlu.corpus.duplicates.bands import band_keys, num_bands
from danlu.corpus.duplicates.candidates import Suspects
from danlu.corpus.duplicates.clusters import clusters
from danlu.corpus.duplicates.groups import BandFiles, shared_keys
from danlu.corpus.duplicates.near import find
from danlu.corpus.duplicates.signatures import signatures_of

Pair = tuple[int, int, float]


def plain_set(text: str) -> set[str]:
    """Character 5-grams; a shorter text is one."""
    return {text[index : index + 5] for index in range(max(1, len(text) - 4))}


def plain_jaccard(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right)


def plain_minhash(text: str, seed: int) -> list[bytes]:
    """Classical MinHash: 128 hash functions, of each the lowest value over the set."""
    shingles = [each.encode() for each in plain_set(text)]
    keys = [f"{seed} {number}".encode() for number in range(128)]
    return [min(hashlib.blake2b(each, digest_size=8, key=key).digest() for each in shingles) for key in keys]


def plain_throws(hashes: Sequence[int]) -> list[int]:
    """Fast Similarity Sketching by its definition, of hashes of 64 bits: in each place the lowest (throw, rank)."""

    def mixed(value: int) -> int:
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
        return value ^ (value >> 31)

    places: dict[int, tuple[int, int]] = {}
    for throw in range(256):
        if len(places) == 128:
            break
        for each in hashes:
            thrown = mixed((each + throw * 0x9E3779B97F4A7C15) % 2**64) if throw else each
            place = thrown >> 57 if throw < 128 else throw - 128
            value = (throw, thrown % 2**56)
            places[place] = min(value, places.get(place, value))
    return [places[place][1] % 2**32 for place in range(128)]


def plain_near(texts: Sequence[str], threshold: float, num_earlier: int = 0) -> list[int]:
    """Texts to leave out: those similar enough to one before them that stays."""
    sets = [plain_set(text) for text in texts]
    kept = list(range(num_earlier))
    for row in range(num_earlier, len(texts)):
        if all(plain_jaccard(sets[row], sets[other]) < threshold for other in kept):
            kept.append(row)
    return sorted(set(range(len(texts))) - set(kept))


class Texts:
    """Texts in memory; a `danlu.corpus.duplicates.candidates.Similar`."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self.number = len(texts)
        self._signatures = signatures_of(texts)

    def signatures(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        return self._signatures[rows]

    def comparable(self, rows: npt.NDArray[np.int64]) -> Iterator[str]:
        return (self._texts[row] for row in rows)


@contextmanager
def suspects_of(texts: Texts, threshold: float, num_earlier: int = 0) -> Iterator[Suspects]:
    """As for the stage, of texts in memory."""
    bands = num_bands(threshold)
    every = np.arange(texts.number)
    all_keys = band_keys(texts.signatures(every), threshold)
    takes_part = np.ones(texts.number, np.bool_)
    with TemporaryDirectory() as directory:
        groups = BandFiles(Path(directory), "groups", bands, np.int32)
        sizes = []
        shared = np.zeros(texts.number, np.bool_)
        with groups:
            for band in range(bands):
                keys = np.ascontiguousarray(all_keys[:, band])
                its_groups, its_sizes = shared_keys(lambda keys=keys: iter([keys]), takes_part, num_earlier)
                groups.write(its_groups, band)
                sizes.append(its_sizes)
                shared |= its_groups >= 0
        yield Suspects(np.flatnonzero(shared), groups, sizes)


def found_near(texts: Sequence[str], threshold: float, num_earlier: int = 0) -> list[Pair]:
    """What the real thing leaves out: the text, the one that it repeats, and their similarity."""
    similar = Texts(texts)
    pairs: list[Pair] = []
    with suspects_of(similar, threshold, num_earlier) as suspects:
        for found in find(suspects, similar, threshold, num_earlier):
            pairs += zip(found.rows.tolist(), found.firsts.tolist(), found.similarities.tolist(), strict=True)
    return pairs


def found_clusters(texts: Sequence[str], threshold: float) -> set[frozenset[int]]:
    """What the real thing keeps together: numbers of texts, of more than one."""
    similar = Texts(texts)
    together: dict[int, set[int]] = {}
    with suspects_of(similar, threshold) as suspects:
        for row, first in zip(suspects.rows.tolist(), clusters(suspects, similar, threshold).tolist(), strict=True):
            together.setdefault(first, set()).add(row)
    return {frozenset(rows) for rows in together.values() if len(rows) > 1}


def plain_clusters(texts: Sequence[str], threshold: float) -> set[frozenset[int]]:
    """Texts similar enough, and those similar to them in turn."""
    sets = [plain_set(text) for text in texts]
    together = [{row} for row in range(len(texts))]
    for row in range(len(texts)):
        for other in range(row):
            if together[row] is not together[other] and plain_jaccard(sets[row], sets[other]) >= threshold:
                together[row] |= together[other]
                for each in together[row]:
                    together[each] = together[row]
    return {frozenset(rows) for rows in together if len(rows) > 1}
