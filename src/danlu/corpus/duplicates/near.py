"""Near duplicates: signatures propose pairs, and the Jaccard similarity of the two sets of 5-grams decides.

A text is left out if it is similar enough to one before it that stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.corpus.duplicates.candidates import Block, Candidates, Similar, Suspects
from danlu.corpus.duplicates.comparing import decide
from danlu.corpus.duplicates.groups import Numbers


@dataclass(frozen=True)
class Found:
    """What a block of texts repeats."""

    last: int
    """The last text of the block."""
    rows: Numbers
    """Texts to leave out, in order."""
    firsts: Numbers
    """The earlier one that stays and that each repeats: of those that are similar enough, the one whose signature
    agrees most, and of several of these the first."""
    similarities: npt.NDArray[np.float64]


def find(suspects: Suspects, similar: Similar, threshold: float, num_earlier: int) -> Iterator[Found]:
    """Texts to leave out, block by block.

    Args:
        suspects: Texts that share a key with another.
        similar: What they hold.
        threshold: Of the Jaccard similarity.
        num_earlier: So many of the first texts stay whatever they repeat.
    """
    candidates = Candidates(suspects, similar, threshold, num_earlier)
    for block in candidates.blocks():
        rows = block.texts.rows
        firsts, places, found = _among_kept(candidates, block)
        least = candidates.least_agreement
        decide(candidates.kept, block.texts, block.groups, threshold, least, firsts, places, found)
        left_out = np.flatnonzero(firsts >= 0)
        yield Found(int(rows[-1]), rows[left_out], firsts[left_out], found[left_out])


def _among_kept(candidates: Candidates, block: Block) -> tuple[Numbers, Numbers, npt.NDArray[np.float64]]:
    """Of each text of a block, the first of its pairs that is similar enough: the number of the other or -1, in how
    many places the signatures agree, and the similarity.

    Of each text one pair is looked at, then two, then four, as long as none was similar enough.
    """
    firsts = np.full(len(block.texts.rows), -1, np.int64)
    places = np.full(len(block.texts.rows), -1, np.int64)
    found = np.full(len(block.texts.rows), np.nan)
    first, last = 0, 1
    while True:
        asked = np.flatnonzero((block.ranks >= first) & (block.ranks < last) & (firsts[block.one] < 0))
        if not len(asked):
            return firsts, places, found
        values = candidates.similarities(block.texts, block.one[asked], block.others[asked])
        similar_enough = np.flatnonzero(values >= candidates.threshold)[::-1]  # so that the first is written last
        pairs = asked[similar_enough]
        firsts[block.one[pairs]] = block.others[pairs]
        places[block.one[pairs]] = block.places[pairs]
        found[block.one[pairs]] = values[similar_enough]
        first, last = last, 2 * last + 1
