"""Where personal information stands in a batch of texts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.corpus.personal.anchors import SIZES, Anchor
from danlu.corpus.personal.folding import Folded, fold
from danlu.corpus.personal.kind import Span
from danlu.corpus.personal.table import KINDS

NEIGHBOURHOOD = 48
"""Characters on either side of a value that are looked at again when it is found."""
MOST_LOOKS = 8
"""At a batch. Ordinary text needs two or three; a text made to need more keeps what the last look would have found."""
SHIELD = ">"
"""Stands for each character of a found value: it ends words as a placeholder's bracket does."""

Dispatch = tuple[tuple[tuple[tuple[int, Callable[[str, int, int], Span | None]], ...], ...], ...]


class Hit(NamedTuple):
    """A value that was found."""

    text: int
    """Index of the text in the batch."""
    kind: str
    start: int
    """First character in the text."""
    length: int
    """Characters."""


Claim = tuple[int, int, int]
"""A span of the batch that a kind claims: first character, the one behind the last, and the rank of the kind."""


def find(texts: Sequence[str], kinds: Collection[str] = KINDS.keys()) -> list[Hit]:
    """All values of some kinds in a batch, in order; none overlaps another. See `find_folded`."""
    return find_folded(fold(texts), kinds) if texts else []


def find_folded(folded: Folded, kinds: Collection[str]) -> list[Hit]:
    """All values of some kinds in a batch, in order; none overlaps another.

    Where kinds claim the same characters, the one that is earlier in the table wins, then the longer span. What stands
    around a found value is looked at once more as if the value were not there, until nothing new is found: so masking
    a masked text changes nothing.
    """
    dispatch, wanted = _dispatch(frozenset(kinds))
    found: list[Claim] = []
    regions = [(0, len(folded.codes))]
    for _ in range(MOST_LOOKS):
        new = _resolved(_claims(folded, regions, dispatch, wanted), found)
        if not new:
            break
        found = sorted([*found, *new])
        folded = _shielded(folded, new)
        regions = _around(new, len(folded.codes))
    return _hits(found, folded)


@lru_cache(maxsize=32)
def _dispatch(kinds: frozenset[str]) -> tuple[Dispatch, npt.NDArray[np.bool_]]:
    """By anchor and size, which kinds look there, with their ranks; and whether any does."""
    chosen = [(rank, kind) for rank, kind in enumerate(KINDS.values()) if kind.name in kinds]
    table = tuple(
        tuple(
            tuple((rank, kind.find) for rank, kind in chosen if size in kind.anchors.get(anchor, ()))
            for size in range(SIZES)
        )
        for anchor in Anchor
    )
    return table, np.array([[bool(cell) for cell in row] for row in table])


def _claims(
    folded: Folded, regions: list[tuple[int, int]], dispatch: Dispatch, wanted: npt.NDArray[np.bool_]
) -> set[Claim]:
    from danlu.corpus.personal.classes import tables
    from danlu.corpus.personal.scan import find_anchors

    text = folded.text
    claims = set()
    # Columns rather than rows: lists of many lists would keep the garbage collector busy.
    columns = find_anchors(folded.codes, regions, wanted, tables()).T
    for place, anchor, size in zip(*(column.tolist() for column in columns), strict=True):
        for rank, find_kind in dispatch[anchor][min(size, SIZES - 1)]:
            span = find_kind(text, place, size)
            if span is not None:
                claims.add((*span, rank))
    return claims


def _resolved(claims: set[Claim], taken: list[Claim]) -> list[Claim]:
    """Those that stay, in order: no two overlap each other, or what is taken already."""
    stay: list[Claim] = []
    cluster: list[Claim] = []
    reach = -1
    for claim in sorted(claims):
        if claim[0] >= reach:
            stay += _best(cluster)
            cluster = []
        cluster.append(claim)
        reach = max(reach, claim[1])
    stay += _best(cluster)
    return [claim for claim in stay if _fits(claim, taken) is not None] if taken else stay


def _best(cluster: list[Claim]) -> list[Claim]:
    """Of claims that overlap in a chain: by rank, then by length, as many as do not overlap."""
    if len(cluster) < 2:
        return cluster
    stay: list[Claim] = []
    for claim in sorted(cluster, key=lambda claim: (claim[2], claim[0] - claim[1], claim[0])):
        place = _fits(claim, stay)
        if place is not None:
            stay.insert(place, claim)
    return stay


def _fits(claim: Claim, taken: list[Claim]) -> int | None:
    """Where a claim belongs among others, which are in order and do not overlap; None if it overlaps one."""
    start, end, _ = claim
    place = bisect_right(taken, start, key=_start)
    if place > 0 and taken[place - 1][1] > start:
        return None
    return None if place < len(taken) and taken[place][0] < end else place


def _shielded(folded: Folded, new: list[Claim]) -> Folded:
    """The batch with found values written over."""
    codes = folded.codes.copy()
    pieces, last = [], 0
    for start, end, _ in new:
        codes[start:end] = ord(SHIELD)
        pieces += [folded.text[last:start], SHIELD * (end - start)]
        last = end
    return Folded("".join([*pieces, folded.text[last:]]), codes, folded.starts)


def _around(new: list[Claim], length: int) -> list[tuple[int, int]]:
    """What is near a found value, without overlap."""
    regions: list[tuple[int, int]] = []
    for start, end, _ in new:
        begin, stop = max(0, start - NEIGHBOURHOOD), min(length, end + NEIGHBOURHOOD)
        if regions and begin <= regions[-1][1]:
            regions[-1] = regions[-1][0], stop
        else:
            regions.append((begin, stop))
    return regions


def _hits(found: list[Claim], folded: Folded) -> list[Hit]:
    names = list(KINDS)
    texts = np.searchsorted(folded.starts, [start for start, _, _ in found], "right") - 1
    first = folded.starts[texts].tolist()
    return [
        Hit(text, names[rank], start - origin, end - start)
        for text, origin, (start, end, rank) in zip(texts.tolist(), first, found, strict=True)
    ]


def _start(claim: Claim) -> int:
    return claim[0]
