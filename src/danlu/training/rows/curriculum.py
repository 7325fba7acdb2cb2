"""From easy to hard: an order of an epoch in which harder documents may come only later.

Bengio et al. (2009, ICML, "Curriculum Learning") train on easy examples first and widen the set until it is whole.
Platanios et al. (2019, arXiv:1903.09848) say how fast: at time t, a share c(t) of the examples, the easiest, may be
drawn, and the square root of t serves well, since each new example then gets the same time among those before it.

Theirs draw with replacement; here an epoch still reads each document once. It is laid out in `NUM_BLOCKS` blocks; each
block draws at random, from the documents that may come by then, as many as it holds of those not yet read.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.training.rows.order import EpochOrder, generator, shuffled
from danlu.training.settings import CurriculumSettings

NUM_BLOCKS = 64
CHUNK_TOKENS = 2**22
"""Tokens that are looked at together."""


def competence(settings: CurriculumSettings, time: float) -> float:
    """c(t): the share of the documents, the easiest, that may be read at `time`, a share of the epoch."""
    power = 2.0 if settings.pacing == "root" else 1.0
    first = math.pow(settings.start, power)
    return math.pow(first + min(1.0, time / settings.over) * (1 - first), 1 / power)


def paced(seed: int, scores: npt.NDArray[np.float64], settings: CurriculumSettings) -> EpochOrder:
    """The first epochs from easy to hard, the others shuffled.

    Args:
        seed: Decides, with the epoch, what is drawn.
        scores: Shape (things,): what they are ordered by.
        settings: Say how.
    """
    count = len(scores)
    easiest_first = np.argsort(scores if settings.order == "ascending" else -scores, kind="stable")
    plain = shuffled(seed, count)

    def order(epoch: int) -> npt.NDArray[np.int64]:
        if epoch >= settings.epochs:
            return plain(epoch)
        drawn, random = [], generator(seed, epoch)
        pool, num_allowed = easiest_first[:0], 0
        for begin, end in _blocks(count):
            allowed = max(end, math.ceil(competence(settings, begin / count) * count))
            pool = random.permutation(np.concatenate([pool, easiest_first[num_allowed:allowed]]))
            drawn.append(pool[: end - begin])
            pool, num_allowed = pool[end - begin :], allowed
        return np.concatenate(drawn)

    return lru_cache(maxsize=2)(order)


def scores_of(store: TokenStore, settings: CurriculumSettings) -> npt.NDArray[np.float64]:
    """What the documents of a corpus, or the rows of examples (by the mean of their documents), are ordered by.

    Raises:
        UserError: they were not given what the settings name.
    """
    of_documents = SCORES[settings.by](store)
    if store.row_offsets is None:
        return of_documents
    return np.add.reduceat(of_documents, store.row_offsets[:-1]) / np.diff(store.row_offsets)


def lengths(store: TokenStore) -> npt.NDArray[np.float64]:
    """Shape (documents,), in tokens."""
    return store.document_lengths.astype(np.float64)


def rarities(store: TokenStore) -> npt.NDArray[np.float64]:
    """Shape (documents,): the mean surprise of a document's tokens, in nats, by how often each occurs in the store.

    Platanios et al. take the sum; the mean does not rank a text by its length once more.
    """
    counts = np.zeros(0, np.int64)
    for start, end in _chunks(store):
        found = np.bincount(store.input_ids(start, end), minlength=len(counts))
        found[: len(counts)] += counts
        counts = found
    with np.errstate(divide="ignore"):
        surprises = np.log(store.num_tokens) - np.log(counts)
    sums = np.zeros(store.num_documents)
    for start, end in _chunks(store):
        # What lies before each token of the chunk, looked up where documents begin and end.
        sums_before = np.concatenate([[0.0], np.cumsum(surprises[store.input_ids(start, end)])])
        sums += np.diff(sums_before[np.clip(store.document_offsets, start, end) - start])
    return sums / np.maximum(1, store.document_lengths)


def given_scores(store: TokenStore) -> npt.NDArray[np.float64]:
    """Shape (documents,): the numbers that came with them.

    Raises:
        UserError: none came.
    """
    if store.scores is None:
        raise UserError(
            "curriculum.by: score goes by numbers that come with the documents of a corpus, and there are none.",
            "Name their column in the clean stage (score: COLUMN), or go by length or rarity.",
        )
    return np.asarray(store.scores)


SCORES = {"length": lengths, "rarity": rarities, "score": given_scores}


def _blocks(count: int) -> list[tuple[int, int]]:
    """Where each block begins and ends; together they hold `count` things."""
    borders = [count * block // NUM_BLOCKS for block in range(NUM_BLOCKS + 1)]
    return [(begin, end) for begin, end in pairwise(borders) if begin < end]


def _chunks(store: TokenStore) -> list[tuple[int, int]]:
    return [(start, min(start + CHUNK_TOKENS, store.num_tokens)) for start in range(0, store.num_tokens, CHUNK_TOKENS)]
