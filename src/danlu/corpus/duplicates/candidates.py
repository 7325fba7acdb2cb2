"""Texts that share keys, block by block, each with the texts before it that it may be like.

What a block shares keys with among all before it is fetched from the disk, and only signatures that agree well enough
make a pair. Texts in no pair are not read, nor held when they have been kept: then they are known by their numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from danlu.corpus.duplicates.comparing import Kept, Texts, agreements, keep_all, kept_with, mark_likely, similarities
from danlu.corpus.duplicates.groups import BandFiles, Groups, Numbers
from danlu.corpus.duplicates.shingles import shingle_sets
from danlu.corpus.duplicates.signatures import NUM_PLACES, TEXTS_PER_BLOCK, Signatures, blocks_of
from danlu.corpus.text_batch import TextBatch

MARGIN = 5.0
"""Pairs whose signatures agree less than the threshold by so many standard errors are not looked at."""
ROWS_AT_ONCE = 65_536
"""Of which the groups are held."""
PAIRS_AT_ONCE = 2**17
"""Of which the signatures are held: 512 bytes each."""


class Similar(Protocol):
    """Texts that may be like others, by their numbers, which are given in ascending order."""

    def signatures(self, rows: Numbers) -> Signatures: ...

    def comparable(self, rows: Numbers) -> Iterator[str]:
        """Their texts."""
        ...


@dataclass(frozen=True)
class Suspects:
    """Texts that share a key with another."""

    rows: Numbers
    """Their numbers, in order."""
    groups: BandFiles
    """Of all texts in each band, see `danlu.corpus.duplicates.groups.shared_keys`."""
    sizes: list[Groups]
    """Of the groups of each band."""


@dataclass(frozen=True)
class Block:
    """Some suspects in a row, and pairs of one of them and a text that was kept before the block."""

    texts: Texts
    groups: npt.NDArray[np.int64]
    """Shape (texts, bands), numbered over all bands, negative where there is none."""
    one: Numbers
    """The place of the one in the block, ascending."""
    others: Numbers
    """The number of the other."""
    places: Numbers
    """In how many places the signatures agree; of one text's pairs, descending, then `others` ascending."""
    ranks: Numbers
    """Of each pair among those of one text, from 0 on."""


class Candidates:
    """Blocks of suspects, and what is kept of them.

    Args:
        suspects: Texts.
        similar: What they hold.
        threshold: Of the Jaccard similarity.
        num_earlier: So many of the first texts are kept, and in no block.
    """

    def __init__(self, suspects: Suspects, similar: Similar, threshold: float, num_earlier: int) -> None:
        self.threshold = threshold
        margin = MARGIN * math.sqrt(threshold * (1 - threshold) / NUM_PLACES)
        self.least_agreement = math.ceil((threshold - margin) * NUM_PLACES)
        """Of signatures."""
        self._suspects = suspects
        self._similar = similar
        self._num_earlier = num_earlier
        self._firsts = np.cumsum([0, *map(len, suspects.sizes)])
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(suspects.sizes), dtype=np.int64)])
        self.kept = Kept(starts[:-1], np.zeros(len(starts) - 1, np.int32), np.empty(starts[-1], np.int32))
        """To be added to from block to block."""

    def blocks(self) -> Iterator[Block]:
        """In order."""
        for start in range(0, len(self._suspects.rows), ROWS_AT_ONCE):
            rows = self._suspects.rows[start : start + ROWS_AT_ONCE]
            groups = self._groups(rows)
            num_old = int(np.searchsorted(rows, self._num_earlier))
            keep_all(self.kept, groups[:num_old], rows[:num_old])
            done, size = num_old, TEXTS_PER_BLOCK
            while done < len(rows):
                block = self._block(rows[done : done + size], groups[done : done + size])
                yield block
                taken = len(block.texts.rows)
                done, size = done + taken, min(TEXTS_PER_BLOCK, 2 * taken)  # of long texts, fewer fit in a block

    def similarities(self, texts: Texts, one: Numbers, others: Numbers) -> npt.NDArray[np.float64]:
        """Of pairs of a text of a block, by its place, and one before it. The others are read once, some at a time."""
        distinct, other = np.unique(others, return_inverse=True)
        order = np.argsort(other, kind="stable")
        values = np.empty(len(one), np.float64)
        done = 0
        for block in blocks_of(self._similar.comparable(distinct)):
            low, high = np.searchsorted(other[order], [done, done + len(block)])
            pairs = order[low:high]
            sets, starts = shingle_sets(TextBatch.of(block))
            values[pairs] = similarities(texts.sets, texts.starts, sets, starts, one[pairs], other[pairs] - done)
            done += len(block)
        return values

    def _groups(self, rows: Numbers) -> npt.NDArray[np.int64]:
        files = self._suspects.groups
        found = np.empty((len(rows), files.num_bands), np.int64)
        for band in range(files.num_bands):
            groups = files.read(band, int(rows[0]), int(rows[-1]) + 1)[rows - rows[0]]
            found[:, band] = np.where(groups < 0, groups, groups + self._firsts[band])
        return found

    def _block(self, rows: Numbers, groups: npt.NDArray[np.int64]) -> Block:
        """Of these suspects, or of so many of the first that what is read of them fits in a block."""
        signatures = self._similar.signatures(rows)
        one, others, places = self._likely(signatures, groups)
        in_pair = np.zeros(len(rows), np.bool_)
        in_pair[one] = True
        mark_likely(np.argsort(groups, axis=0), groups, signatures, self.least_agreement, in_pair)
        read = np.flatnonzero(in_pair)
        texts = next(blocks_of(self._similar.comparable(rows[read])), [])
        end = read[len(texts)] if len(texts) < len(read) else len(rows)
        sets, its_starts = shingle_sets(TextBatch.of(texts))
        starts = np.concatenate([[0], its_starts[np.cumsum(in_pair[:end])]])
        fits = one < end
        one, others, places = one[fits], others[fits], places[fits]
        order = np.lexsort((others, -places, one))
        ranks = np.arange(len(one)) - np.searchsorted(one, one)
        its_texts = Texts(rows[:end], signatures[:end], sets, starts)
        return Block(its_texts, groups[:end], one[order], others[order], places[order], ranks)

    def _likely(self, signatures: Signatures, groups: npt.NDArray[np.int64]) -> tuple[Numbers, Numbers, Numbers]:
        """Pairs of one of some suspects, by its place, and a text that is kept, by its number, whose signatures agree
        well enough; and in how many places they do. In the order of the first."""
        most = np.where(groups >= 0, self.kept.counts[groups], 0).sum(axis=1)
        empty = np.zeros(0, np.int64)
        found = [(empty, empty, empty)]
        for first, last in itertools.pairwise(_bounds(most, PAIRS_AT_ONCE)):
            one, others = kept_with(self.kept, groups[first:last])
            distinct, other = np.unique(others, return_inverse=True)
            places = agreements(signatures[first:last], self._similar.signatures(distinct), one, other)
            likely = places >= self.least_agreement
            found.append((one[likely] + first, others[likely], places[likely]))
        one, others, places = (np.concatenate(columns) for columns in zip(*found, strict=True))
        return one, others, places


def _bounds(weights: npt.NDArray[np.int64], most: int) -> list[int]:
    """Where to cut a row of things so that each piece weighs `most` at most, or is one thing."""
    bounds, weight = [0], 0
    for place, each in enumerate(weights.tolist()):
        if weight + each > most and place > bounds[-1]:
            bounds.append(place)
            weight = 0
        weight += each
    return [*bounds, len(weights)]
