"""Texts that are nearly alike, and those that are nearly like them in turn: the connected parts of all pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from danlu.corpus.compiling import Places, kernel
from danlu.corpus.duplicates.candidates import Block, Candidates, Similar, Suspects
from danlu.corpus.duplicates.comparing import Kept, Similarities, Texts, agreement, keep, near_in_block
from danlu.corpus.duplicates.groups import Numbers
from danlu.corpus.duplicates.shingles import jaccard


def clusters(
    suspects: Suspects, similar: Similar, threshold: float, advance: Callable[[int], None] = lambda number: None
) -> Numbers:
    """Of each suspect, the place among the suspects of the first one that it belongs together with.

    Args:
        suspects: Texts that share a key with another.
        similar: What they hold.
        threshold: Of the Jaccard similarity.
        advance: Told how many more are done.
    """
    before = np.arange(len(suspects.rows), dtype=np.int64)
    candidates = Candidates(suspects, similar, threshold, 0)
    start = 0
    for block in candidates.blocks():
        has_twin = _join_to_kept(candidates, block, suspects.rows, before, start)
        least = candidates.least_agreement
        join_within(candidates.kept, block.texts, block.groups, threshold, least, before, start, has_twin)
        advance(len(block.texts.rows))
        start += len(block.texts.rows)
    return all_firsts(before)


def _join_to_kept(
    candidates: Candidates, block: Block, rows: Numbers, before: Numbers, start: int
) -> npt.NDArray[np.bool_]:
    """Put texts of a block together with those before it; says which of them have one there with the same shingles.

    Of each text one pair is looked at, then two, then four; what is together by then is not compared.
    """
    one, others = block.one + start, np.searchsorted(rows, block.others)
    has_twin = np.zeros(len(block.texts.rows), np.bool_)
    first, last = 0, 1
    while (block.ranks >= first).any():
        window = (block.ranks >= first) & (block.ranks < last)
        asked = np.flatnonzero(window & are_apart(before, one, others))
        values = candidates.similarities(block.texts, block.one[asked], block.others[asked])
        join_pairs(before, one[asked], others[asked], values, candidates.threshold)
        has_twin[block.one[asked[values == 1]]] = True
        first, last = last, 2 * last + 1
    return has_twin


@kernel
def first_of(before: Places, number: int) -> int:
    """The least of all numbers that are together with one (union-find). Halves the way there."""
    while before[number] != number:
        before[number] = before[before[number]]
        number = before[number]
    return number


@kernel
def join(before: Places, one: int, other: int) -> None:
    one, other = first_of(before, one), first_of(before, other)
    before[max(one, other)] = min(one, other)


@kernel
def are_apart(before: Places, one: Places, others: Places) -> Places:
    """Of pairs of numbers, whether they are not together."""
    found = np.empty(len(one), np.bool_)
    for pair in range(len(one)):
        found[pair] = first_of(before, one[pair]) != first_of(before, others[pair])
    return found


@kernel
def join_pairs(before: Places, one: Places, others: Places, values: Similarities, threshold: float) -> None:
    """Put pairs together that are similar enough."""
    for pair in range(len(one)):
        if values[pair] >= threshold:
            join(before, one[pair], others[pair])


@kernel
def all_firsts(before: Places) -> Places:
    """Of each number, the least that it is together with."""
    found = np.empty_like(before)
    for number in range(len(before)):
        found[number] = first_of(before, number)
    return found


@kernel
def join_within(
    kept: Kept,
    texts: Texts,
    groups: Places,
    threshold: float,
    least_agreement: int,
    before: Places,
    start: int,
    has_twin: Places,
) -> None:
    """Put texts of a block together, and keep them for the blocks behind it.

    Args:
        kept: Texts before these; these are added, but for those with the same shingles as one that is there, since what
            is similar to them is similar to that one.
        texts: Some in a row.
        groups: Theirs, shape (texts, bands).
        threshold: Of the Jaccard similarity.
        least_agreement: Of signatures, below which a pair is not looked at.
        before: Of all suspects, see `first_of`.
        start: Suspects before these.
        has_twin: Of each text, whether one before the block has the same shingles.
    """
    seen_by = np.full(len(texts.rows), -1, np.int64)
    near = np.empty(len(texts.rows), np.int64)
    for text in range(len(texts.rows)):
        mine = texts.sets[texts.starts[text] : texts.starts[text + 1]]
        for other in near[: near_in_block(kept, texts, groups[text], text, seen_by, near)]:
            if first_of(before, start + text) == first_of(before, start + other):
                continue
            if agreement(texts.signatures[text], texts.signatures[other]) < least_agreement:
                continue
            similarity = jaccard(texts.sets[texts.starts[other] : texts.starts[other + 1]], mine)
            if similarity >= threshold:
                join(before, start + text, start + other)
                has_twin[text] |= similarity == 1
        if not has_twin[text]:
            keep(kept, groups[text], texts.rows[text])
