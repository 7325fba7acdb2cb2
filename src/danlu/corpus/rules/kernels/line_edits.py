"""C4's edits: lines that are not prose are taken out, and references in brackets.

A line is asked in the order of the columns below, and counts in the first that fits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.corpus.characters import DIGIT, LINE_END, SPACE
from danlu.corpus.compiling import Bits, Codes, Places, kernel
from danlu.corpus.rules.marks import CLOSING, NO_WORD

STOP = ord(".")
RETURN = ord("\r")
LINE_FEED = ord("\n")
OPEN = ord("[")
CLOSE = ord("]")
CURLY = ord("{")
KELVIN = 0x212A
"""The sign for kelvin, whose small letter is k."""

LINES, LONG_WORD, NOT_CLOSED, FEW_WORDS, LOREM_IPSUM, JAVASCRIPT, CURLY_BRACKET, POLICY, KEPT = range(9)
"""Columns of `Edited.counts`. Lines with lorem ipsum or a curly bracket are counted and not taken out."""
NUM_COLUMNS = 9

LOREM_BIT = 1
JAVASCRIPT_BIT = 2
"""The first two phrases; all others are of policies."""
NUM_FIRSTS = 1024


class LineRules(NamedTuple):
    """What is looked for in a line."""

    longest_word: int
    """In characters; lines with a longer one are taken out."""
    least_words: int
    must_close: bool
    """Whether a line has to end with a closing mark."""
    without_references: bool
    of_characters: bool
    """Whether words are characters, and a long word a stretch without a mark."""
    wanted: int
    """A bit for each phrase that is looked for."""
    phrases: Codes
    """Code points of phrases in small letters, end to end."""
    phrase_starts: Places
    """Shape (phrases + 1,)."""
    firsts: npt.NDArray[np.bool_]
    """Shape (`NUM_FIRSTS`,): which remainders of code points a phrase may begin with."""
    references: Codes
    """Code points of references besides numbers, end to end: ``[edit]``."""
    reference_starts: Places
    """Shape (references + 1,)."""


class Edited(NamedTuple):
    """Texts after the edits, as a batch has them, and what happened."""

    codes: Codes
    starts: Places
    counts: Places
    """Lines of each text, shape (texts, 9)."""


@kernel
def edit_lines(codes: Codes, starts: Places, bits: Bits, rules: LineRules) -> Edited:
    """Take lines out of each text."""
    # What is kept of a line is never longer than the line, and the line feed behind it replaces at least one character,
    # but for the last line of a text, whose line feed is taken back.
    kept = np.empty(len(codes) + 1, np.uint32)
    kept_starts = np.zeros(len(starts), np.int64)
    counts = np.zeros((len(starts) - 1, NUM_COLUMNS), np.int64)
    size = 0
    for text in range(len(starts) - 1):
        place, end = starts[text], starts[text + 1]
        while place < end:
            first = place
            while place < end and not bits[codes[place]] & LINE_END:
                place += 1
            size = keep_line(codes, first, place, bits, rules, kept, size, counts[text])
            if place + 1 < end and codes[place] == RETURN and codes[place + 1] == LINE_FEED:
                place += 1
            place += 1
        size = strip(kept, kept_starts[text], size, bits)
        kept_starts[text + 1] = size
    return Edited(kept[:size].copy(), kept_starts, counts)


@kernel
def keep_line(
    codes: Codes,
    first: int,
    last: int,
    bits: Bits,
    rules: LineRules,
    kept: Codes,
    size: int,
    counts: Places,
) -> int:
    """Append ``codes[first:last]`` and a line feed to ``kept[:size]`` if it stays, and return how long that is then."""
    counts[LINES] += 1
    while first < last and bits[codes[first]] & SPACE:
        first += 1
    while last > first and bits[codes[last - 1]] & SPACE:
        last -= 1
    words, longest = words_of_line(codes, first, last, bits, rules.of_characters)
    if longest > rules.longest_word:
        counts[LONG_WORD] += 1
        return size
    end = size
    while first < last:
        skip = 0
        if rules.without_references and codes[first] == OPEN:
            skip = reference_length(codes, first, last, bits, rules)
        if skip == 0:
            kept[end] = codes[first]
            end += 1
            skip = 1
        first += skip
    if rules.must_close and not is_closed(kept, size, end, bits):
        counts[NOT_CLOSED] += 1
        return size
    if words < rules.least_words:
        counts[FEW_WORDS] += 1
        return size
    found, has_curly = find_phrases(kept, size, end, rules)
    if found & LOREM_BIT:
        counts[LOREM_IPSUM] += 1
    if found & JAVASCRIPT_BIT:
        counts[JAVASCRIPT] += 1
        return size
    if has_curly:
        counts[CURLY_BRACKET] += 1
    if found & ~(LOREM_BIT | JAVASCRIPT_BIT):
        counts[POLICY] += 1
        return size
    counts[KEPT] += 1
    kept[end] = LINE_FEED
    return end + 1


@kernel
def words_of_line(codes: Codes, first: int, last: int, bits: Bits, of_characters: bool) -> tuple[int, int]:
    """Words between white space and the longest, in characters; or characters that are no marks, and the longest
    stretch of them."""
    between = SPACE | NO_WORD if of_characters else SPACE
    words = characters = longest = 0
    start = first
    for place in range(first, last):
        if bits[codes[place]] & between:
            start = place + 1
        else:
            characters += 1
            words += place == start
            longest = max(longest, place + 1 - start)
    return characters if of_characters else words, longest


@kernel
def reference_length(codes: Codes, first: int, last: int, bits: Bits, rules: LineRules) -> int:
    """Characters of the reference that begins with the bracket at `first`, zero if there is none."""
    place = first + 1
    while place < last and bits[codes[place]] & DIGIT:
        place += 1
    if place < last and codes[place] == CLOSE:
        return place + 1 - first
    for row in range(len(rules.reference_starts) - 1):
        start, end = rules.reference_starts[row], rules.reference_starts[row + 1]
        if end - start <= last - first:
            offset = 0
            while start + offset < end and codes[first + offset] == rules.references[start + offset]:
                offset += 1
            if start + offset == end:
                return offset
    return 0


@kernel
def is_closed(kept: Codes, first: int, last: int, bits: Bits) -> bool:
    """Whether a line ends with a closing mark, and not with three full stops."""
    if last == first or not bits[kept[last - 1]] & CLOSING:
        return False
    return last - first < 3 or not kept[last - 1] == kept[last - 2] == kept[last - 3] == STOP


@kernel
def fold(code: np.uint32) -> np.uint32:
    """The small letter of a capital of ASCII."""
    if 65 <= code <= 90:
        return np.uint32(code + 32)
    return np.uint32(107) if code == KELVIN else np.uint32(code)


@kernel
def find_phrases(kept: Codes, first: int, last: int, rules: LineRules) -> tuple[int, bool]:
    """A bit for each phrase that is there, and whether there is a curly bracket."""
    found = 0
    has_curly = False
    for place in range(first, last):
        code = fold(kept[place])
        has_curly |= code == CURLY
        if rules.firsts[code % NUM_FIRSTS]:
            for row in range(len(rules.phrase_starts) - 1):
                start, end = rules.phrase_starts[row], rules.phrase_starts[row + 1]
                if end - start <= last - place:
                    offset = 0
                    while start + offset < end and fold(kept[place + offset]) == rules.phrases[start + offset]:
                        offset += 1
                    if start + offset == end:
                        found |= 1 << row
    return found & rules.wanted, has_curly


@kernel
def strip(kept: Codes, first: int, last: int, bits: Bits) -> int:
    """Take white space off both ends of ``kept[first:last]``, in place. Returns the new end."""
    while last > first and bits[kept[last - 1]] & SPACE:
        last -= 1
    begin = first
    while begin < last and bits[kept[begin]] & SPACE:
        begin += 1
    if begin > first:
        for place in range(begin, last):
            kept[first + place - begin] = kept[place]
    return last - (begin - first)
