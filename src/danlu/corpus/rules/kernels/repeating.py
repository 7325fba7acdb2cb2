"""How much of a text it has said before: lines, paragraphs, n-grams of words."""

from __future__ import annotations

import numpy as np

from danlu.corpus.characters import SPACE
from danlu.corpus.rules.kernels.compiling import Bits, Codes, Hashes, Places, kernel
from danlu.corpus.rules.kernels.hashing import OFFSET, PRIME, Seen, find_slot, make_seen, mix, num_slots

LINE_FEED = ord("\n")
STEP = np.uint64(0x9E3779B97F4A7C15)
"""Odd: a word's place in an n-gram, as a power of this."""


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


@kernel
def count_repeated_n_grams(
    word_starts: Places,
    word_ends: Places,
    hashes: Hashes,
    first_words: Places,
    top: Places,
    repeated: Places,
    blanks: int,
) -> Places:
    """Of each text: characters of the most frequent n-gram in all its places, for each n of `top`; characters in
    n-grams that were there before, for each n of `repeated`. Shape (texts, len(top) + len(repeated)).

    Args:
        blanks: Characters that stand between two words of an n-gram and count, in the first kind.
    """
    counts = np.zeros((len(first_words) - 1, len(top) + len(repeated)), np.int64)
    most = 0
    for text in range(len(counts)):
        most = max(most, first_words[text + 1] - first_words[text])
    seen = make_seen(most)
    # Of the words before each word of one text: their hash as a polynomial in STEP, and their characters.
    sums = np.zeros(most + 1, np.uint64)
    characters = np.zeros(most + 1, np.int64)
    stamp = 0
    for text in range(len(counts)):
        first = first_words[text]
        words = first_words[text + 1] - first
        for word in range(words):
            sums[word + 1] = sums[word] * STEP + hashes[first + word]
            characters[word + 1] = characters[word] + word_ends[first + word] - word_starts[first + word]
        slots = num_slots(words)
        for column in range(len(top)):
            stamp += 1
            counts[text, column] = top_characters(sums, characters, words, top[column], seen, slots, stamp, blanks)
        for column in range(len(repeated)):
            stamp += 1
            counts[text, len(top) + column] = repeated_characters(
                sums, characters, words, repeated[column], seen, slots, stamp
            )
    return counts


@kernel
def power(n: int) -> np.uint64:
    """STEP to the power of n."""
    value = np.uint64(1)
    for _ in range(n):
        value *= STEP
    return value


@kernel
def top_characters(
    sums: Hashes,
    characters: Places,
    words: int,
    n: int,
    seen: Seen,
    slots: int,
    stamp: int,
    blanks: int,
) -> int:
    """Length of the most frequent n-gram (the first of those that are) times its count."""
    scale = power(n)
    most, most_first = 0, 0
    for word in range(words - n + 1):
        slot, known = find_slot(seen, slots, stamp, mix(sums[word + n] - sums[word] * scale))
        if known:
            seen.counts[slot] += 1
        else:
            seen.counts[slot] = 1
            seen.firsts[slot] = word
        count, first = seen.counts[slot], seen.firsts[slot]
        if count > most or (count == most and first < most_first):
            most, most_first = count, first
    if most == 0:
        return 0
    length: int = characters[most_first + n] - characters[most_first] + blanks * (n - 1)
    return most * length


@kernel
def repeated_characters(
    sums: Hashes,
    characters: Places,
    words: int,
    n: int,
    seen: Seen,
    slots: int,
    stamp: int,
) -> int:
    """Characters in n-grams that were there before. One that is counted is stepped over, so nothing counts twice."""
    scale = power(n)
    count = 0
    word = 0
    while word + n <= words:
        _, known = find_slot(seen, slots, stamp, mix(sums[word + n] - sums[word] * scale))
        if known:
            count += characters[word + n] - characters[word]
            word += n
        else:
            word += 1
    return count
