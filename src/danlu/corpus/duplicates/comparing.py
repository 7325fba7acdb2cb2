"""The loops that compare texts which share a key, some thousand at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from danlu.corpus.compiling import Hashes, Places, kernel
from danlu.corpus.duplicates.shingles import jaccard

Similarities = Any
"""float64. Any, since compiled code takes elements for plain numbers; likewise `Signatures`, uint32."""
Signatures = Any


ONE_PLACE = 2**32
"""Puts pairs in order: by how well their signatures agree, then by number."""


class Kept(NamedTuple):
    """Texts that stay, by group: those of group g are ``members[starts[g] : starts[g] + counts[g]]``, ascending."""

    starts: Places
    counts: Places
    members: Places


class Texts(NamedTuple):
    """What is compared of some texts."""

    rows: Places
    """Their numbers, ascending."""
    signatures: Signatures
    """Shape (texts, 128)."""
    sets: Hashes
    """Their shingles, ascending, end to end; none of a text that is in no pair that is looked at."""
    starts: Places
    """Where each set begins, and the end of the last."""


@kernel
def agreement(left: Signatures, right: Signatures) -> int:
    """In how many places two signatures agree."""
    places = 0
    for place in range(len(left)):
        places += left[place] == right[place]
    return places


@kernel
def keep(kept: Kept, groups: Places, row: int) -> None:
    """Add a text that stays to its groups."""
    for group in groups:
        if group >= 0:
            kept.members[kept.starts[group] + kept.counts[group]] = row
            kept.counts[group] += 1


@kernel
def keep_all(kept: Kept, groups: Places, rows: Places) -> None:
    """Add texts that stay. `groups`: shape (texts, bands)."""
    for text in range(len(rows)):
        keep(kept, groups[text], rows[text])


@kernel
def kept_with(kept: Kept, groups: Places) -> tuple[Places, Places]:
    """Pairs of a text and one that stays and shares a group with it, each once: the place of the one among those asked
    for, ascending, and the number of the other, ascending."""
    most = 0
    for group in groups.flat:
        if group >= 0:
            most += kept.counts[group]
    places = np.empty(most, np.int64)
    others = np.empty(most, np.int64)
    end = 0
    for text in range(len(groups)):
        first = end
        for group in groups[text]:
            if group >= 0:
                start = kept.starts[group]
                count = kept.counts[group]
                others[end : end + count] = kept.members[start : start + count]
                end += count
        others[first:end].sort()
        last = first - 1
        for place in range(first, end):
            if last < first or others[place] != others[last]:
                last += 1
                others[last] = others[place]
        end = last + 1
        places[first:end] = text
    return places[:end].copy(), others[:end].copy()


@kernel
def agreements(left: Signatures, right: Signatures, one: Places, other: Places) -> Places:
    """Of pairs of signatures, by their places on the left and on the right."""
    found = np.empty(len(one), np.int64)
    for pair in range(len(one)):
        found[pair] = agreement(left[one[pair]], right[other[pair]])
    return found


@kernel
def mark_likely(order: Places, groups: Places, signatures: Signatures, least_agreement: int, in_pair: Places) -> None:
    """Mark the texts of a block that share a group with another of it whose signature agrees well enough.

    Args:
        order: Of the texts by their groups, band by band; shape (texts, bands).
        groups: Theirs, likewise.
        signatures: Theirs.
        least_agreement: Of two signatures.
        in_pair: Of each text, whether it is marked; may be to begin with.
    """
    num_texts, num_bands = groups.shape
    for band in range(num_bands):
        for place in range(num_texts):
            one = order[place, band]
            group = groups[one, band]
            behind = place + 1
            while group >= 0 and behind < num_texts and groups[order[behind, band], band] == group:
                other = order[behind, band]
                is_marked = in_pair[one] and in_pair[other]
                if not is_marked and agreement(signatures[one], signatures[other]) >= least_agreement:
                    in_pair[one] = in_pair[other] = True
                behind += 1


@kernel
def similarities(
    left: Hashes, left_starts: Places, right: Hashes, right_starts: Places, one: Places, other: Places
) -> Similarities:
    """Of pairs of sets, by their places on the left and on the right."""
    found = np.empty(len(one), np.float64)
    for pair in range(len(one)):
        mine = left[left_starts[one[pair]] : left_starts[one[pair] + 1]]
        found[pair] = jaccard(mine, right[right_starts[other[pair]] : right_starts[other[pair] + 1]])
    return found


@kernel
def near_in_block(kept: Kept, texts: Texts, groups: Places, text: int, seen_by: Places, near: Places) -> int:
    """How many texts of a block that were kept share a group with another of it; their places in the block stand at
    the beginning of `near`, each once.

    Args:
        kept: Texts that stay.
        texts: The block.
        groups: Of the text.
        text: Its place in the block.
        seen_by: Of each text of the block, the last that asked for it.
        near: Room for all of them.
    """
    num_near = 0
    for group in groups:
        if group < 0:
            continue
        member = kept.starts[group] + kept.counts[group] - 1
        while member >= kept.starts[group] and kept.members[member] >= texts.rows[0]:
            other = np.searchsorted(texts.rows, kept.members[member])
            if seen_by[other] != text:
                seen_by[other] = text
                near[num_near] = other
                num_near += 1
            member -= 1
    return num_near


@kernel
def decide(
    kept: Kept,
    texts: Texts,
    groups: Places,
    threshold: float,
    least_agreement: int,
    firsts: Places,
    first_agreements: Places,
    found: Similarities,
) -> None:
    """Go through texts in order: what repeats nothing stays.

    Args:
        kept: What stays of the texts before these; what stays of these is added.
        texts: Some in a row.
        groups: Theirs, shape (texts, bands).
        threshold: Of the Jaccard similarity.
        least_agreement: Of signatures, below which a pair is not looked at.
        firsts: Of each text, which of those before these it repeats, or -1; which of these, if it is more like it.
        first_agreements: Of the signatures of each with that one, or -1.
        found: The similarity.
    """
    seen_by = np.full(len(texts.rows), -1, np.int64)
    in_block = np.empty(len(texts.rows), np.int64)
    near = np.empty(len(texts.rows), np.int64)
    for text in range(len(texts.rows)):
        num_near = 0
        for other in in_block[: near_in_block(kept, texts, groups[text], text, seen_by, in_block)]:
            places = agreement(texts.signatures[text], texts.signatures[other])
            if places >= least_agreement and places > first_agreements[text]:
                near[num_near] = other - places * ONE_PLACE
                num_near += 1
        near[:num_near].sort()
        mine = texts.sets[texts.starts[text] : texts.starts[text + 1]]
        for each in near[:num_near]:
            other = each & (ONE_PLACE - 1)
            similarity = jaccard(texts.sets[texts.starts[other] : texts.starts[other + 1]], mine)
            if similarity >= threshold:
                firsts[text] = texts.rows[other]
                found[text] = similarity
                break
        if firsts[text] < 0:
            keep(kept, groups[text], texts.rows[text])
