"""Modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1998, TR-10-98, section 3), over characters of texts.

It was chosen over stupid back-off, whose scores are no probabilities, so that perplexities would mean nothing. All
counting is sorting: n-grams are 64-bit hashes in arrays, the longest first; the shorter ones count how many different
characters stand before them. What is seldom is left out after the discounts are known, and falls to the shorter n-gram.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.scoring.n_gram_kernels import PAD, hash_n_grams
from danlu.corpus.text_batch import TextBatch

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

WHOLE = 2
"""N-grams of so many characters are kept, however seldom they are."""
USUAL_DISCOUNTS = (0.5, 1.0, 1.5)
"""Where the counts of counts do not say it, as in a small corpus."""


@dataclass
class Counted:
    """The different n-grams of one length."""

    hashes: Hashes
    """In order."""
    ends: Places
    """Where one of each ends in the padded texts."""
    counts: Numbers
    """How often it occurs, if it is among the longest; otherwise how many different characters stand before it."""
    kept: npt.NDArray[np.bool_]
    """Whether its probability is its own, and not that of the shorter n-gram times a back-off."""


@dataclass(frozen=True)
class Smoothed:
    """What the model keeps for n-grams of one length."""

    hashes: Hashes
    probabilities: Numbers
    """Of the last character after the others; not a number for what is only a context."""
    back_offs: Numbers
    """What the probability of the shorter n-gram is multiplied with in this context."""


def smooth(texts: Sequence[str], longest: int, min_count: int) -> tuple[list[Smoothed], float]:
    """Learn from texts, which are not empty.

    Returns:
        By length from 1 on, and the probability of a character that was never seen.
    """
    codes = padded(texts, longest - 1)
    counted = _keep(codes, list(_count(codes, longest)), min_count)
    unseen = 0.0
    shorter: Smoothed | None = None
    made: list[Smoothed] = []
    for length, grams in enumerate(counted, 1):
        own, contexts, back_offs = _own_shares(codes, grams, length)
        if shorter is None:
            unseen = float(back_offs[0]) / (len(grams.hashes) + 1)
            rest: Any = unseen
        else:
            its_place = np.searchsorted(shorter.hashes, hash_n_grams(codes, grams.ends, length - 1))
            rest = back_offs[contexts.of] * shorter.probabilities[its_place]
            made[-1] = _with_back_offs(made[-1], contexts.hashes, back_offs)
        shorter = Smoothed(grams.hashes, own + rest, np.ones(len(own)))
        made.append(
            Smoothed(grams.hashes[grams.kept], shorter.probabilities[grams.kept], shorter.back_offs[grams.kept])
        )
    return made, unseen


def padded(texts: Sequence[str], width: int) -> npt.NDArray[np.uint32]:
    """Code points of all texts, each with `width` times `PAD` before it."""
    batch = TextBatch.of(texts)
    codes = np.full(len(batch.codes) + width * len(batch), PAD, np.uint32)
    shifts = np.repeat(np.arange(1, len(batch) + 1) * width, batch.lengths)
    codes[np.arange(len(batch.codes)) + shifts] = batch.codes
    return codes


def discounts(counts: Numbers) -> tuple[float, float, float]:
    """What is taken from counts of one, two, and three and more."""
    ones, twos, threes, fours = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    if not (ones and twos and threes and fours):
        return USUAL_DISCOUNTS
    share = ones / (ones + 2 * twos)
    found = (1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes)
    # More than the count, or nothing, is what odd counts of counts ask for.
    is_odd = any(not 0 < taken <= count for count, taken in enumerate(found, 1))
    return USUAL_DISCOUNTS if is_odd else found


def _count(codes: npt.NDArray[np.uint32], longest: int) -> Iterator[Counted]:
    """The longest first."""
    ends = np.flatnonzero(codes != PAD)
    for length in range(longest, 0, -1):
        hashes, first, counts = np.unique(hash_n_grams(codes, ends, length), return_index=True, return_counts=True)
        ends = ends[first]
        yield Counted(hashes, ends, counts.astype(float), np.ones(len(hashes), np.bool_))


def _keep(codes: npt.NDArray[np.uint32], counted: list[Counted], min_count: int) -> list[Counted]:
    """Choose what is kept: with an n-gram also its end and its context. The shortest first."""
    needed: Hashes = np.zeros(0, np.uint64)
    for length, grams in zip(range(len(counted), 0, -1), counted, strict=True):
        if length > WHOLE:
            grams.kept = (grams.counts >= min_count) | np.isin(grams.hashes, needed)
            ends = grams.ends[grams.kept]
            needed = np.concatenate([hash_n_grams(codes, ends - back, length - 1) for back in (0, 1)])
    return counted[::-1]


@dataclass(frozen=True)
class _Contexts:
    """What stands before the last characters of n-grams."""

    hashes: Hashes
    of: Places
    """Of each n-gram, the row of its context."""


def _own_shares(codes: npt.NDArray[np.uint32], grams: Counted, length: int) -> tuple[Numbers, _Contexts, Numbers]:
    """Of n-grams, the discounted share in what follows the context; all contexts; what each leaves to shorter ones."""
    hashes, of = np.unique(hash_n_grams(codes, grams.ends - 1, length - 1), return_inverse=True)
    taken = np.array([0.0, *discounts(grams.counts)])[np.minimum(grams.counts, 3).astype(int)]
    totals = np.bincount(of, weights=grams.counts)
    own = np.where(grams.kept, (grams.counts - taken) / totals[of], 0.0)
    lost = np.where(grams.kept, taken, grams.counts)
    return own, _Contexts(hashes, of), np.bincount(of, weights=lost) / totals


def _with_back_offs(shorter: Smoothed, contexts: Hashes, back_offs: Numbers) -> Smoothed:
    """With what contexts leave to the shorter n-gram. Contexts of nothing but `PAD` are no n-grams, and are added."""
    place = np.minimum(np.searchsorted(shorter.hashes, contexts), len(shorter.hashes) - 1)
    is_there = shorter.hashes[place] == contexts
    leaves = shorter.back_offs.copy()
    leaves[place[is_there]] = back_offs[is_there]
    added = ~is_there & (back_offs < 1)
    return Smoothed(
        np.concatenate([shorter.hashes, contexts[added]]),
        np.concatenate([shorter.probabilities, np.full(added.sum(), np.nan)]),
        np.concatenate([leaves, back_offs[added]]),
    )
