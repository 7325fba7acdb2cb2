"""One pass over the code points of a batch that finds anchors. Compiled; some nanoseconds a character."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.corpus.compiling import kernel
from danlu.corpus.personal.anchors import SIZES, Anchor
from danlu.corpus.personal.classes import (
    BOX,
    COMPOUND,
    COUNTED,
    DIGIT,
    GIVEN,
    HAN,
    LOWER,
    PLATE,
    SIGN,
    SURNAME,
    TITLE,
    UPPER,
    WORD,
    Tables,
)
from danlu.corpus.personal.looks import (
    BLANK,
    COLON,
    HYPHEN,
    MOST_GROUPS,
    POINT,
    Codes,
    Table,
    class_at,
    colons_begin,
    ends_like_secret,
    flags_of_word,
    house_begin,
    is_dotted,
    is_hexadecimal,
    is_labelled,
    is_likely_number,
    local_begin,
    street_ahead,
    surnames_at,
    token_end,
)
from danlu.corpus.personal.names.score import NUM_FEATURES, best_name

Found = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.uint8]
Wanted = npt.NDArray[np.bool_]

CAPACITY = 1 << 15
"""Anchors found in one call."""
ROOM = 8
"""No place has more anchors than this."""
SHORTEST_TOKEN = 16
LEAST_SCORE = -2
"""Of a Chinese name. A little below as likely as not: what is missed is worse than what is taken for one."""

NUMBER, CODE, OPENING, AT, COLONS = map(int, (Anchor.NUMBER, Anchor.CODE, Anchor.OPENING, Anchor.AT, Anchor.COLONS))
TOKEN, ASSIGNMENT, LABEL, DASHES, LINK = map(
    int, (Anchor.TOKEN, Anchor.ASSIGNMENT, Anchor.LABEL, Anchor.DASHES, Anchor.LINK)
)
PLATES, HOUSE, STREET, POINTS = map(int, (Anchor.PLATE, Anchor.HOUSE, Anchor.STREET, Anchor.POINTS))
CHINESE_NAME, ENGLISH_NAME = map(int, (Anchor.CHINESE_NAME, Anchor.ENGLISH_NAME))


def find_anchors(codes: Codes, regions: list[tuple[int, int]], wanted: Wanted, tables: Tables) -> Found:
    """Anchors in some regions of a batch: shape (anchors, 3): place, anchor, size.

    Args:
        codes: The whole batch, folded; what stands around a region is looked at, too.
        regions: First place, and the one behind the last, of each.
        wanted: Shape (anchors, SIZES): which anchors of which sizes are of interest.
    """
    bounds = np.array(regions, np.int64).reshape(-1, 2)
    found = np.empty((CAPACITY, 3), np.int64)
    parts = []
    region, place = 0, 0
    while region < len(bounds):
        count, region, place = scan_regions(
            codes, bounds, region, place, tables.classes, tables.compounds, tables.word_hashes, tables.word_flags,
            tables.token_starts, tables.weights, wanted, found,
        )  # fmt: skip
        parts.append(found[:count].copy())
    return np.concatenate(parts) if parts else found[:0]


@kernel
def scan_regions(
    codes: Codes,
    bounds: npt.NDArray[np.int64],
    region: int,
    place: int,
    classes: Table,
    compounds: Codes,
    hashes: Hashes,
    flags: Flags,
    token_starts: Wanted,
    weights: npt.NDArray[np.int8],
    wanted: Wanted,
    found: Found,
) -> tuple[int, int, int]:
    """Write anchors into `found`: how many, and the region and place to go on at when there is no more room."""
    count = 0
    while region < len(bounds):
        begin, end = max(place, bounds[region, 0]), bounds[region, 1]
        count, place = scan(
            codes, begin, end, classes, compounds, hashes, flags, token_starts, weights, wanted, found, count
        )
        if place < end:
            return count, region, place
        region, place = region + 1, 0
    return count, region, place


@kernel
def add(found: Found, count: int, place: int, anchor: int, size: int, wanted: Wanted) -> int:
    """Write down an anchor if it is wanted; how many there are now."""
    if not wanted[anchor, min(size, SIZES - 1)]:
        return count
    found[count, 0], found[count, 1], found[count, 2] = place, anchor, size
    return count + 1


@kernel
def scan_word(
    codes: Codes,
    place: int,
    classes: Table,
    hashes: Hashes,
    flags: Flags,
    token_starts: Wanted,
    groups: npt.NDArray[np.int64],
    wanted: Wanted,
    found: Found,
    count: int,
) -> tuple[int, int]:
    """Anchors of the word that begins at `place`: how many there are now, and where the word ends."""
    stop, digits, letters = place, 0, 0
    while stop < len(codes):
        inner = class_at(codes, classes, stop)
        if not inner & WORD:
            break
        digits += inner & DIGIT
        letters += (inner & (UPPER | LOWER)) != 0
        stop += 1
    size, kind = stop - place, class_at(codes, classes, place)
    following = codes[stop] if stop < len(codes) else np.uint32(0)
    if kind & DIGIT:
        if is_likely_number(codes, classes, place, size, groups):
            count = add(found, count, place, NUMBER, size, wanted)
        if following == POINT and size <= 3 and is_dotted(codes, classes, place):
            count = add(found, count, place, POINTS, 1, wanted)
        house = (following == BLANK and size <= 7) or (following == HYPHEN and size <= 6)
        if house and street_ahead(codes, classes, stop, hashes, flags):
            count = add(found, count, place, STREET, 1, wanted)
    elif digits and letters:
        count = add(found, count, place, CODE, size, wanted)
    elif kind & UPPER and 2 <= size <= 16 and letters == size:
        word = flags_of_word(codes, place, stop, hashes, flags)
        if word & (GIVEN | TITLE):
            count = add(found, count, place, ENGLISH_NAME, 1, wanted)
        if word & BOX:
            count = add(found, count, place, STREET, 2, wanted)
    first, second = codes[place], codes[min(place + 1, len(codes) - 1)]
    if second < 128 and token_starts[first, second]:
        joined = place > 0 and codes[place - 1] == HYPHEN and class_at(codes, classes, place - 2) & WORD
        if not joined and token_end(codes, classes, place) - place >= SHORTEST_TOKEN:
            count = add(found, count, place, TOKEN, 1, wanted)
    return count, stop


@kernel
def scan_sign(
    codes: Codes, place: int, classes: Table, hashes: Hashes, flags: Flags, wanted: Wanted, found: Found, count: int
) -> int:
    """Anchors at one of ``@:=+(-``: how many there are now."""
    code = codes[place]
    following = class_at(codes, classes, place + 1)
    if code == 64:
        start = local_begin(codes, classes, place) if following & WORD else -1
        return add(found, count, start, AT, 1, wanted) if start >= 0 else count
    if code == 43:
        likely = following & DIGIT and codes[place + 1] != 48
        return add(found, count, place, OPENING, 1, wanted) if likely else count
    if code == 40:
        plus = place + 1 < len(codes) and codes[place + 1] == 43
        likely = following & DIGIT and class_at(codes, classes, place + 2) & DIGIT
        return add(found, count, place, OPENING, 2, wanted) if plus or likely else count
    if code == HYPHEN:
        begins = place + 5 < len(codes) and codes[place + 1] == HYPHEN and codes[place + 4] == HYPHEN
        return add(found, count, place, DASHES, 1, wanted) if begins and codes[place + 5] == 66 else count
    if ends_like_secret(codes, place):
        count = add(found, count, place, ASSIGNMENT, 1, wanted)
    if code != COLON or place + 2 >= len(codes):
        return count
    if codes[place + 1] == 47 and codes[place + 2] == 47:
        count = add(found, count, place, LINK, 1, wanted)
    capital = following & UPPER or (codes[place + 1] == BLANK and class_at(codes, classes, place + 2) & UPPER)
    if capital and is_labelled(codes, classes, place, hashes, flags):
        count = add(found, count, place, LABEL, 1, wanted)
    if is_hexadecimal(codes, place + 1) or codes[place + 1] == COLON:
        start = colons_begin(codes, classes, place)
        if start >= 0:
            count = add(found, count, start, COLONS, 1, wanted)
    return count


@kernel
def scan(
    codes: Codes,
    begin: int,
    end: int,
    classes: Table,
    compounds: Codes,
    hashes: Hashes,
    flags: Flags,
    token_starts: Wanted,
    weights: npt.NDArray[np.int8],
    wanted: Wanted,
    found: Found,
    count: int,
) -> tuple[int, int]:
    """Write the anchors of a region: how many there are now, and where to go on (before `end` if there is no room)."""
    features = np.empty(NUM_FEATURES, np.int64)
    groups = np.empty(MOST_GROUPS, np.int64)
    last_name, last_name_end, last_score = -1, -1, 0
    names_wanted = wanted[CHINESE_NAME, 2] or wanted[CHINESE_NAME, 3]
    place = begin
    while place < end and class_at(codes, classes, place - 1) & WORD and class_at(codes, classes, place) & WORD:
        place += 1  # a word that began before
    while place < end and count < CAPACITY - ROOM:
        kind = class_at(codes, classes, place)
        if kind == 0 or kind == HAN:
            place += 1
            continue
        if kind & WORD:
            count, place = scan_word(codes, place, classes, hashes, flags, token_starts, groups, wanted, found, count)
            continue
        if kind & SIGN:
            count = scan_sign(codes, place, classes, hashes, flags, wanted, found, count)
        if kind & PLATE and class_at(codes, classes, place + 1) & UPPER:
            count = add(found, count, place, PLATES, 1, wanted)
        if kind & COUNTED and wanted[HOUSE, 1]:
            start = house_begin(codes, classes, place)
            if start >= 0:
                count = add(found, count, start, HOUSE, 1, wanted)
        if kind & (SURNAME | COMPOUND) and names_wanted:
            surnames = surnames_at(codes, place, kind, compounds)
            size, value = best_name(codes, place, surnames, weights, features)
            if value > LEAST_SCORE:
                if place >= last_name_end:
                    last_name, last_score, last_name_end = count, value, place + size
                    count = add(found, count, place, CHINESE_NAME, size, wanted)
                elif value > last_score:
                    # Two that overlap: the likelier one stays.
                    found[last_name, 0], found[last_name, 2] = place, size
                    last_score, last_name_end = value, place + size
        place += 1
    return count, place
