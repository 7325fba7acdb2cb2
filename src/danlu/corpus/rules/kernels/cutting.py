"""Texts cut into words, as spaCy's tokenizer for English cuts them, or Chinese ones into characters.

A chunk between white space loses what can stand before a word and behind it, one piece from each side at a time, until
what is left is a special word or nothing more comes off. What is left is then a special word, a web address, or cut at
the infixes in it. Last, neighbouring pieces that together are a special word (``:)``) are put together again. What the
pieces are is said in `danlu.corpus.rules.words`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from danlu.corpus.characters import DIGIT, HAN, KANA, LETTER, MARK, SPACE
from danlu.corpus.compiling import Bits, Codes, Hashes, Places, kernel
from danlu.corpus.rules.kernels.hashing import OFFSET, PRIME, LookUp, find_row, hash_piece, mix
from danlu.corpus.rules.kernels.web_address import is_web_address
from danlu.corpus.rules.marks import (
    AFFIX_DIGIT,
    ALPHABETIC,
    BEFORE_FULL_STOP,
    CAPITAL,
    ICON,
    NOTABLE,
    PREFIX,
    QUOTE,
    SMALL,
    SUFFIX,
)

STOP = ord(".")
ELLIPSIS = ord("…")
PLUS = ord("+")
HYPHEN = ord("-")
TILDE = ord("~")
EN_DASH = ord("–")
EM_DASH = ord("—")
COMMA = ord(",")
DOLLAR = ord("$")
APOSTROPHE = ord("'")
CURLY_APOSTROPHE = ord("’")
DEGREE = ord("°")
STAR = ord("*")
CARET = ord("^")
SIGNS = (ord(":"), ord("<"), ord(">"), ord("="), ord("/"))
NUM_FIRSTS = 256
LONGEST_SPECIAL = 31
"""Characters of a special word, at most."""
LONGEST_UNIT = 4
JOINS = np.uint32(1)
"""Bit 0 of `Cutter.pairs`."""


class Cutter(NamedTuple):
    """What a kernel needs to know to cut. Handed on one by one, see `danlu.corpus.rules.kernels.hashing`."""

    bits: Bits
    """The table of characters of `danlu.corpus.rules.marks`."""
    special: LookUp
    """Words that are cut as is said here, by row."""
    pieces: Places
    """Shape (special words, most pieces): their lengths in characters, then zeros."""
    plain: Places
    """The same for how each would be cut if it were not special, of those that are found again among pieces; zeros for
    the others."""
    pairs: Bits
    """Shape (`NUM_FIRSTS`, `NUM_FIRSTS`), by two characters as the remainders of their code points: bit n, if a special
    word of n characters begins with the first and ends with the second; bit 0, if two of the pieces that are found
    again next to each other may begin with them. Nearly all that is not special is told by it, without a hash."""
    units: LookUp
    """What comes off behind a digit: units and currencies."""


class Cut(NamedTuple):
    """Words as they come out of a kernel; all arrays are of the same length."""

    starts: Places
    ends: Places
    hashes: Hashes
    text_starts: Places
    """Shape (texts + 1,): the first word of each text."""


@kernel
def cut_words(codes: Codes, text_starts: Places, cutter: Cutter) -> Cut:
    """Cut each text into words."""
    # A chunk has at most as many words as characters. Pages that are not written to take no memory.
    starts = np.empty(len(codes) + 1, np.int64)
    ends = np.empty(len(codes) + 1, np.int64)
    hashes = np.empty(len(codes) + 1, np.uint64)
    first_words = np.zeros(len(text_starts), np.int64)
    count = 0
    bits, special, pieces, plain, pairs, units = cutter
    for text in range(len(text_starts) - 1):
        place, end = text_starts[text], text_starts[text + 1]
        while place < end:
            if bits[codes[place]] & SPACE:
                place += 1
                continue
            first = place
            seen = stem_seen = np.uint32(0)
            value = stem_value = OFFSET
            while place < end:
                code = codes[place]
                if bits[code] & SPACE:
                    break
                stem_seen, stem_value = seen, value
                seen |= bits[code]
                value = (value ^ np.uint64(code)) * PRIME
                place += 1
            if not seen & NOTABLE and not is_special(codes, first, place, value, special, pairs):
                starts[count], ends[count], hashes[count] = first, place, mix(value)
                count += 1
                continue
            # Most others are a plain word with one mark behind it.
            if (
                place - first > 1
                and not stem_seen & NOTABLE
                and comes_off(codes[place - 1], codes[place - 2], bits)
                and not is_special(codes, first, place - 1, stem_value, special, pairs)
                and not is_special(codes, first, place, value, special, pairs)
            ):
                starts[count], ends[count], hashes[count] = first, place - 1, mix(stem_value)
                starts[count + 1], ends[count + 1] = place - 1, place
                hashes[count + 1] = hash_piece(codes, place - 1, place)
                count += 2
                continue
            before = count
            count = cut_chunk(codes, first, place, bits, special, pieces, plain, pairs, units, starts, ends, count)
            for word in range(before, count):
                hashes[word] = hash_piece(codes, starts[word], ends[word])
        first_words[text + 1] = count
    return Cut(starts[:count].copy(), ends[:count].copy(), hashes[:count].copy(), first_words)


@kernel
def cut_characters(codes: Codes, text_starts: Places, cutter: Cutter) -> Cut:
    """Each Chinese or Japanese character is a word, and so is each run of other letters and digits, and each mark."""
    starts = np.empty(len(codes) + 1, np.int64)
    ends = np.empty(len(codes) + 1, np.int64)
    hashes = np.empty(len(codes) + 1, np.uint64)
    first_words = np.zeros(len(text_starts), np.int64)
    count = 0
    bits = cutter.bits
    for text in range(len(text_starts) - 1):
        place, end = text_starts[text], text_starts[text + 1]
        while place < end:
            kind = bits[codes[place]]
            if kind & SPACE:
                place += 1
                continue
            first = place
            place += 1
            if kind & (LETTER | DIGIT) and not kind & (HAN | KANA):
                while place < end:
                    kind = bits[codes[place]]
                    if not kind & (LETTER | DIGIT | MARK) or kind & (HAN | KANA):
                        break
                    place += 1
            starts[count], ends[count] = first, place
            hashes[count] = hash_piece(codes, first, place)
            count += 1
        first_words[text + 1] = count
    return Cut(starts[:count].copy(), ends[:count].copy(), hashes[:count].copy(), first_words)


@kernel
def cut_chunk(
    codes: Codes,
    first: int,
    last: int,
    bits: Bits,
    special: LookUp,
    pieces: Places,
    plain: Places,
    pairs: Bits,
    units: LookUp,
    starts: Places,
    ends: Places,
    count: int,
) -> int:
    """Cut ``codes[first:last]``, in which there is no white space. Returns the number of words there are then."""
    before = count
    left, right = first, last
    # Suffixes come off from right to left and are put down from the far end of where this chunk's words have room.
    top = count + last - first
    bottom = top
    row = -1
    while left < right:
        row = find_special(codes, left, right, special, pairs)
        if row >= 0:
            break
        prefix = prefix_length(codes, left, right, bits)
        if 0 < prefix < right - left:
            row = find_special(codes, left + prefix, right, special, pairs)
        suffix = suffix_length(codes, left + prefix, right, bits, units) if row < 0 else 0
        if 0 < suffix < right - left and row < 0:
            row = find_special(codes, left, right - suffix, special, pairs)
            if row >= 0:
                prefix = 0
        if prefix == 0 and suffix == 0:
            break
        if prefix:
            starts[count], ends[count] = left, left + prefix
            left += prefix
            count += 1
        if suffix:
            bottom -= 1
            starts[bottom], ends[bottom] = right - suffix, right
            right -= suffix
        if row >= 0:
            break
    if row >= 0:
        count = put_pieces(starts, ends, count, left, pieces[row])
    elif left < right:
        if is_web_address(codes, left, right, bits):
            starts[count], ends[count] = left, right
            count += 1
        else:
            count = cut_at_infixes(codes, left, right, bits, starts, ends, count)
    for word in range(bottom, top):
        starts[count], ends[count] = starts[word], ends[word]
        count += 1
    if count - before > 1:
        count = join_special(codes, special, pieces, plain, pairs, starts, ends, before, count)
    return count


@kernel
def may_be_special(codes: Codes, first: int, last: int, pairs: Bits) -> bool:
    """Whether there is a special word of this length that begins and ends alike."""
    if last - first > LONGEST_SPECIAL:
        return False
    lengths = pairs[codes[first] % NUM_FIRSTS, codes[last - 1] % NUM_FIRSTS]
    return ((lengths >> np.uint32(last - first)) & np.uint32(1)) > 0  # type: ignore[no-any-return]


@kernel
def is_special(codes: Codes, first: int, last: int, value: np.uint64, special: LookUp, pairs: Bits) -> bool:
    """Whether a word of this hash, before it is mixed, is."""
    return may_be_special(codes, first, last, pairs) and find_row(special, mix(value)) >= 0


@kernel
def comes_off(code: np.uint32, previous: np.uint32, bits: Bits) -> bool:
    """Whether a single mark comes off behind a character that is no mark."""
    if code == STOP:
        return (bits[previous] & BEFORE_FULL_STOP) > 0  # type: ignore[no-any-return]
    return (bits[code] & SUFFIX) > 0  # type: ignore[no-any-return]


@kernel
def find_special(codes: Codes, first: int, last: int, special: LookUp, pairs: Bits) -> int:
    """The row of a special word, or -1."""
    if not may_be_special(codes, first, last, pairs):
        return -1
    return find_row(special, hash_piece(codes, first, last))


@kernel
def put_pieces(starts: Places, ends: Places, count: int, place: int, lengths: Places) -> int:
    """Write down the pieces of the special word that begins at `place`."""
    for length in lengths:
        if length:
            starts[count] = place
            place += length
            ends[count] = place
            count += 1
    return count


@kernel
def prefix_length(codes: Codes, first: int, last: int, bits: Bits) -> int:
    """Characters that come off in front."""
    code = codes[first]
    if bits[code] & PREFIX:
        return 1
    following = codes[first + 1] if first + 1 < last else np.uint32(0)
    if code == PLUS:
        return 0 if bits[following] & AFFIX_DIGIT else 1
    if code == STOP:
        place = first
        while place < last and codes[place] == STOP:
            place += 1
        return place - first if place - first > 1 else 0
    if (code == ord("A") or code == ord("C")) and following == DOLLAR:
        return 2
    if code == ord("U") and following == ord("S") and first + 2 < last and codes[first + 2] == DOLLAR:
        return 3
    return 0


@kernel
def suffix_length(codes: Codes, first: int, last: int, bits: Bits, units: LookUp) -> int:
    """Characters that come off behind."""
    if first >= last:
        return 0
    code = codes[last - 1]
    previous = codes[last - 2] if last - 2 >= first else np.uint32(0)
    if code == STOP:
        if previous == STOP:
            place = last
            while place > first and codes[place - 1] == STOP:
                place -= 1
            return last - place
        if bits[previous] & BEFORE_FULL_STOP:
            return 1
        third = codes[last - 3] if last - 3 >= first else np.uint32(0)
        if bits[previous] & CAPITAL and bits[third] & CAPITAL:
            return 1
        if third == DEGREE and (previous == ord("C") or previous == ord("F") or previous == ord("K")):
            return 1
        return 0
    if code == ELLIPSIS:
        return 2 if previous == ELLIPSIS else 1
    if bits[code] & SUFFIX:
        return 1
    if (code == ord("s") or code == ord("S")) and (previous in (APOSTROPHE, CURLY_APOSTROPHE)):
        return 2
    if code == PLUS and bits[previous] & AFFIX_DIGIT:
        return 1
    for length in range(1, min(LONGEST_UNIT, last - first - 1) + 1):
        if bits[codes[last - 1 - length]] & AFFIX_DIGIT:
            return length if find_row(units, hash_piece(codes, last - length, last)) >= 0 else 0
    return 0


@kernel
def cut_at_infixes(
    codes: Codes,
    first: int,
    last: int,
    bits: Bits,
    starts: Places,
    ends: Places,
    count: int,
) -> int:
    """Cut ``codes[first:last]`` before and behind each infix; one at the very beginning stays with what follows."""
    start = place = first
    while place < last:
        length = infix_length(codes, first, place, last, bits) if bits[codes[place]] & NOTABLE else 0
        if length == 0:
            place += 1
            continue
        if place > first:
            if place > start:
                starts[count], ends[count] = start, place
                count += 1
            starts[count], ends[count] = place, place + length
            count += 1
            start = place + length
        place += length
    if start < last:
        starts[count], ends[count] = start, last
        count += 1
    return count


@kernel
def infix_length(codes: Codes, first: int, place: int, last: int, bits: Bits) -> int:
    """Characters of the infix at `place`, zero if there is none."""
    code = codes[place]
    if bits[code] & ICON or code == ELLIPSIS:
        return 1
    following = codes[place + 1] if place + 1 < last else np.uint32(0)
    if code == STOP and following == STOP:
        end = place
        while end < last and codes[end] == STOP:
            end += 1
        return end - place
    if place == first:
        return 0
    before, behind = bits[codes[place - 1]], bits[following]
    if code == STOP:
        return 1 if before & (SMALL | QUOTE) and behind & (CAPITAL | QUOTE) else 0
    before_digit = behind & AFFIX_DIGIT or following == HYPHEN
    if before & AFFIX_DIGIT and code in (PLUS, HYPHEN, STAR, CARET) and before_digit:
        return 1
    if code == COMMA:
        return 1 if before & ALPHABETIC and behind & ALPHABETIC else 0
    if not before & (ALPHABETIC | AFFIX_DIGIT):
        return 0
    if code in SIGNS:
        return 1 if behind & ALPHABETIC else 0
    if code in (HYPHEN, EN_DASH, EM_DASH, TILDE):
        most = 3 if code == HYPHEN else 2 if code == EM_DASH else 1
        for length in range(1, most + 1):
            if place + length >= last:
                return 0
            if bits[codes[place + length]] & ALPHABETIC:
                return length
            if codes[place + length] != code:
                return 0
    return 0


@kernel
def join_special(
    codes: Codes,
    special: LookUp,
    pieces: Places,
    plain: Places,
    pairs: Bits,
    starts: Places,
    ends: Places,
    before: int,
    count: int,
) -> int:
    """Put pieces of one chunk together that are a special word cut apart: the longest, from left to right."""
    written = word = before
    while word < count:
        found, found_end = -1, word
        if word + 1 < count and pairs[codes[starts[word]] % NUM_FIRSTS, codes[ends[word]] % NUM_FIRSTS] & JOINS:
            end = word + 1
            while end < count and ends[end] - starts[word] <= LONGEST_SPECIAL:
                row = find_special(codes, starts[word], ends[end], special, pairs)
                if row >= 0 and is_cut_like(plain[row], starts, ends, word, end):
                    found, found_end = row, end
                end += 1
        if found < 0:
            starts[written], ends[written] = starts[word], ends[word]
            written += 1
            word += 1
        else:
            more: Any = written + np.count_nonzero(pieces[found]) - found_end - 1
            if more > 0:  # pieces than it was found in: what is behind it makes room
                for behind in range(count - 1, found_end, -1):
                    starts[behind + more], ends[behind + more] = starts[behind], ends[behind]
                count += more
                found_end += more
            written = put_pieces(starts, ends, written, starts[word], pieces[found])
            word = found_end + 1
    return written


@kernel
def is_cut_like(lengths: Places, starts: Places, ends: Places, word: int, end: int) -> bool:
    """Whether words `word` to `end` (inclusive) are as long as the plain pieces of a special word."""
    num_words = end - word + 1
    if num_words != np.count_nonzero(lengths):
        return False
    return bool(np.all(ends[word : end + 1] - starts[word : end + 1] == lengths[:num_words]))
