"""How much of a text are n words in a row that occur more than once.

An n-gram occurs more than once only if the shorter one that it begins with does. So sizes are gone through from the
smallest to the largest, and each time only places are looked at where the size before repeats: for nine sizes, some two
looks a word.
"""

from __future__ import annotations

import numpy as np

from danlu.corpus.compiling import Hashes, Places, kernel
from danlu.corpus.rules.kernels.hashing import COUNT, FIRST, Seen, find_slot, make_seen, mix, num_slots

STEP = np.uint64(0x9E3779B97F4A7C15)
"""Odd: a word's place in an n-gram, as a power of this."""
PASSED = -1
"""Of an n-gram that has been gone by."""


@kernel
def count_repeated_n_grams(
    word_starts: Places, word_ends: Places, hashes: Hashes, first_words: Places, sizes: Places, blanks: int
) -> tuple[Places, Places]:
    """For each text and each n: characters of the most frequent n-gram in all its places, and characters in n-grams
    that were there before. Both of shape (texts, sizes).

    Args:
        sizes: The n, ascending.
        blanks: Characters that stand between two words of an n-gram and count, in the first figure.
    """
    top = np.zeros((len(first_words) - 1, len(sizes)), np.int64)
    repeated = np.zeros((len(first_words) - 1, len(sizes)), np.int64)
    most = 0
    for text in range(len(top)):
        most = max(most, first_words[text + 1] - first_words[text])
    seen = make_seen(most)
    # Of the words before each word of one text: their hash as a polynomial in STEP, and their characters.
    sums = np.zeros(most + 1, np.uint64)
    characters = np.zeros(most + 1, np.int64)
    # Where n-grams begin that may repeat, ascending, and where each is counted.
    places = np.zeros(most + 1, np.int64)
    slots = np.zeros(most + 1, np.int64)
    stamp = 0
    for text in range(len(top)):
        first = first_words[text]
        words = first_words[text + 1] - first
        for word in range(words):
            sums[word + 1] = sums[word] * STEP + hashes[first + word]
            characters[word + 1] = characters[word] + word_ends[first + word] - word_starts[first + word]
            places[word] = word
        num_places = words
        size_of_table = num_slots(words)
        for column in range(len(sizes)):
            n = sizes[column]
            if n > words:
                break
            while num_places and places[num_places - 1] + n > words:
                num_places -= 1
            stamp += 1
            top_count, top_first = count_each(sums, n, places[:num_places], slots, seen, size_of_table, stamp)
            top[text, column] = top_count * (characters[top_first + n] - characters[top_first] + blanks * (n - 1))
            repeated[text, column] = count_characters(characters, n, places[:num_places], slots, seen)
            num_places = keep_repeated(places[:num_places], slots, seen)
    return top, repeated


@kernel
def power(n: int) -> np.uint64:
    """STEP to the power of n."""
    value = np.uint64(1)
    for _ in range(n):
        value *= STEP
    return value


@kernel
def count_each(
    sums: Hashes, n: int, places: Places, slots: Places, seen: Seen, size_of_table: int, stamp: int
) -> tuple[int, int]:
    """Count the n-grams at `places`, and note in `slots` where each is counted. Returns the count and the place of the
    most frequent; if several are, of the first."""
    scale = power(n)
    most, most_first = 1, 0
    for row in range(len(places)):
        place = places[row]
        slot, known = find_slot(seen, size_of_table, stamp, mix(sums[place + n] - sums[place] * scale))
        slots[row] = slot
        if known:
            seen[slot, COUNT] += 1
        else:
            seen[slot, COUNT] = 1
            seen[slot, FIRST] = place
        count, first = seen[slot, COUNT], seen[slot, FIRST]
        if count > most or (count == most and first < most_first):
            most, most_first = count, first
    return most, most_first


@kernel
def count_characters(characters: Places, n: int, places: Places, slots: Places, seen: Seen) -> int:
    """Characters in n-grams that were there before. One that counts is stepped over, so that nothing counts twice."""
    count = free = 0
    for row in range(len(places)):
        place, slot = places[row], slots[row]
        if place >= free and seen[slot, COUNT] > 1:
            if seen[slot, FIRST] == PASSED:
                free = place + n
                count += characters[free] - characters[place]
            seen[slot, FIRST] = PASSED
    return count


@kernel
def keep_repeated(places: Places, slots: Places, seen: Seen) -> int:
    """Move the places whose n-gram repeats to the front, and return how many there are."""
    kept = 0
    for row in range(len(places)):
        if seen[slots[row], COUNT] > 1:
            places[kept] = places[row]
            kept += 1
    return kept
