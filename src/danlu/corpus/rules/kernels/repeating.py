"""How much of a text are lines and paragraphs that were there before."""

from __future__ import annotations

import numpy as np

from danlu.corpus.characters import SPACE
from danlu.corpus.compiling import Bits, Codes, Places, kernel
from danlu.corpus.rules.kernels.hashing import OFFSET, PRIME, Seen, find_slot, make_seen, mix, num_slots

LINE_FEED = ord("\n")


@kernel
def count_repeated_pieces(codes: Codes, starts: Places, bits: Bits) -> Places:
    """Of each text: paragraphs, those that were there before, their characters; lines, likewise. Shape (texts, 6).

    Paragraphs are parted by two line feeds or more, in the text without white space around it; lines by one or more.
    """
    counts = np.zeros((len(starts) - 1, 6), np.int64)
    most = 0
    for text in range(len(counts)):
        most = max(most, count_line_feeds(codes, starts[text], starts[text + 1]) + 1)
    seen = make_seen(most)
    for text in range(len(counts)):
        first, last = starts[text], starts[text + 1]
        slots = num_slots(count_line_feeds(codes, first, last) + 1)
        pieces, repeated, characters = count_repeated(codes, first, last, 1, seen, slots, 2 * text + 1)
        counts[text, 3:] = pieces, repeated, characters
        while first < last and bits[codes[first]] & SPACE:
            first += 1
        while last > first and bits[codes[last - 1]] & SPACE:
            last -= 1
        pieces, repeated, characters = count_repeated(codes, first, last, 2, seen, slots, 2 * text + 2)
        counts[text, :3] = pieces, repeated, characters
    return counts


@kernel
def count_line_feeds(codes: Codes, first: int, last: int) -> int:
    count = 0
    for place in range(first, last):
        count += codes[place] == LINE_FEED
    return count


@kernel
def count_repeated(
    codes: Codes, first: int, last: int, least: int, seen: Seen, slots: int, stamp: int
) -> tuple[int, int, int]:
    """Pieces of ``codes[first:last]`` between at least `least` line feeds, those that were there before, and their
    characters."""
    pieces = repeated = characters = 0
    start = place = first
    value = OFFSET
    while place <= last:
        feeds = 0
        while place + feeds < last and codes[place + feeds] == LINE_FEED:
            feeds += 1
        if feeds >= least or place == last:
            _, known = find_slot(seen, slots, stamp, mix(value))
            pieces += 1
            if known:
                repeated += 1
                characters += place - start
            if place == last:
                break
            place += feeds
            start = place
            value = OFFSET
        else:
            value = (value ^ np.uint64(codes[place])) * PRIME
            place += 1
    return pieces, repeated, characters
