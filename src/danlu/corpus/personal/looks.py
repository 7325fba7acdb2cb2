"""Small compiled looks at what stands around a place, for the scan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.corpus.compiling import kernel
from danlu.corpus.personal.classes import (
    COMPOUND,
    DIGIT,
    HAN,
    LABEL_WORD,
    LOWER,
    NUMERAL,
    SLOTS,
    STREET_END,
    SURNAME,
    UPPER,
    WORD,
)
from danlu.corpus.personal.folding import PLANE

Codes = npt.NDArray[np.uint32]
Table = npt.NDArray[np.uint16]

REACH = 40
"""Characters of a number with its separators that are looked at."""
MOST_GROUPS = 4
LONGEST_TOKEN = 400
LONGEST_LOCAL = 64
"""Characters before the @ of an e-mail address."""
STREET_REACH = 60
FNV_START, FNV_FACTOR, MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
BLANK, POINT, HYPHEN, COLON = 32, 46, 45, 58


@kernel
def class_at(codes: Codes, classes: Table, place: int) -> int:
    """The class of a character; none beyond the ends."""
    if place < 0 or place >= len(codes):
        return 0
    code = codes[place]
    return classes[code] if code < PLANE else 0  # type: ignore[no-any-return]


@kernel
def read_groups(codes: Codes, classes: Table, place: int, groups: npt.NDArray[np.int64]) -> None:
    """Write how many digits the first groups of a number have that begins at `place`; 0 where there is none.

    Between groups stand one or two of blank, hyphen, point and parenthesis.
    """
    groups[:] = 0
    group, separators, ahead = 0, 0, place
    end = min(place + REACH, len(codes))
    while ahead < end:
        if class_at(codes, classes, ahead) & DIGIT:
            if separators:
                group, separators = group + 1, 0
                if group >= MOST_GROUPS:
                    return
            groups[group] += 1
        else:
            code = codes[ahead]
            separators += 1
            if separators > 2 or code not in (BLANK, HYPHEN, POINT, 40, 41):
                return
        ahead += 1


@kernel
def is_likely_number(codes: Codes, classes: Table, place: int, size: int, groups: npt.NDArray[np.int64]) -> bool:
    """Whether a word that begins with a digit may begin a number of a kind that is wanted, by its groups' lengths."""
    if size >= 8:
        return True
    read_groups(codes, classes, place, groups)
    second, third = int(groups[1]), int(groups[2])
    first, next_digit = int(codes[place]), int(codes[place + 1]) if size > 1 else 0
    zero = first == 48
    if size == 1:
        return first == 49 and second == 3 and third == 3
    if size == 2:
        return (first == 56 and next_digit == 54 and second >= 2) or (zero and second >= 3)
    if size == 3:
        return (second >= 2 and second + third >= 6) or (zero and second >= 3)
    if size == 4:
        return (second == 4 and third == 4) or (second == 6 and third >= 4) or (zero and second >= 1)
    return (zero and second >= 1) or (size == 6 and second >= 7)


@kernel
def is_dotted(codes: Codes, classes: Table, place: int) -> bool:
    """Whether four groups of one to three digits stand here, joined by points."""
    digits, points = 0, 0
    for ahead in range(place, min(place + 16, len(codes))):
        if class_at(codes, classes, ahead) & DIGIT:
            digits += 1
            if digits > 3:
                return False
        elif codes[ahead] == POINT and digits and points < 3:
            points, digits = points + 1, 0
        else:
            break
    return points == 3 and digits > 0


@kernel
def local_begin(codes: Codes, classes: Table, place: int) -> int:
    """Where the local part of an e-mail address begins whose @ is at `place`; -1 if there is none."""
    start = place
    while start > 0 and place - start <= LONGEST_LOCAL + 1:
        code = codes[start - 1]
        word = class_at(codes, classes, start - 1) & WORD
        if not (word or code in (POINT, HYPHEN, 43, 37)):
            break
        start -= 1
    while start < place and not class_at(codes, classes, start) & (DIGIT | UPPER | LOWER):
        start += 1
    return start if 0 < place - start <= LONGEST_LOCAL else -1


@kernel
def street_ahead(
    codes: Codes, classes: Table, place: int, hashes: npt.NDArray[np.uint32], flags: npt.NDArray[np.uint8]
) -> bool:
    """Whether a word that ends names of streets comes soon, in the same line."""
    ahead, end = place, min(place + STREET_REACH, len(codes))
    while ahead < end:
        kind = class_at(codes, classes, ahead)
        if kind & WORD:
            start = ahead
            while ahead < len(codes) and ahead - start < 20 and class_at(codes, classes, ahead) & WORD:
                ahead += 1
            if kind & UPPER and flags_of_word(codes, start, ahead, hashes, flags) & STREET_END:
                return True
            continue
        code = codes[ahead]
        if code not in (BLANK, POINT, HYPHEN, 39):
            return False
        ahead += 1
    return False


@kernel
def is_labelled(
    codes: Codes, classes: Table, place: int, hashes: npt.NDArray[np.uint32], flags: npt.NDArray[np.uint8]
) -> bool:
    """Whether the word before the colon at `place` says that a person follows."""
    last = place - 1
    while last > 0 and place - last < 3 and (codes[last] == BLANK or codes[last] == 34 or codes[last] == 39):
        last -= 1
    if last >= 0 and (codes[last] == 0x540D or codes[last] == 0x4EBA):  # 名人
        return True
    first = last + 1
    while first > 0 and last - first < 14 and class_at(codes, classes, first - 1) & (UPPER | LOWER):
        first -= 1
    return first <= last and flags_of_word(codes, first, last + 1, hashes, flags) & LABEL_WORD != 0


@kernel
def token_end(codes: Codes, classes: Table, place: int) -> int:
    """Where words end that are joined by hyphens."""
    end = place
    limit = min(len(codes), place + LONGEST_TOKEN)
    while end < limit and (class_at(codes, classes, end) & WORD or codes[end] == 45 or codes[end] == 46):
        end += 1
    return end


@kernel
def flags_of_word(
    codes: Codes, start: int, end: int, hashes: npt.NDArray[np.uint32], flags: npt.NDArray[np.uint8]
) -> int:
    """Flags of a word of ASCII letters in the table of words, or 0."""
    value = FNV_START
    for place in range(start, end):
        value = ((value ^ (int(codes[place]) | 32)) * FNV_FACTOR) & MASK
    slot = value % SLOTS
    while hashes[slot] != 0:
        if hashes[slot] == value:
            return flags[slot]  # type: ignore[no-any-return]
        slot = (slot + 1) % SLOTS
    return 0


@kernel
def ends_like_secret(codes: Codes, place: int) -> bool:
    """Whether the word before `place` (and a quotation mark or blank) ends as password, token or key does."""
    last = place - 1
    while (
        last >= 1
        and place - last < 4
        and (codes[last] == 32 or codes[last] == 34 or codes[last] == 39 or codes[last] == 96)
    ):
        last -= 1
    if last < 1:
        return False
    if codes[last] == 0x7801 or codes[last] == 0x94A5 or codes[last] == 0x4EE4 or codes[last] == 0x724C:  # 码钥令牌
        return True
    one, two = int(codes[last - 1]) | 32, int(codes[last]) | 32
    is_key = one == 101 and two == 121
    is_secret_or_token = (one == 101 and two == 116) or (one == 101 and two == 110)
    is_password = (one == 114 and two == 100) or (one == 119 and two == 100)
    is_phrase_or_credentials = (one == 115 and two == 101) or (one == 97 and two == 108) or (one == 108 and two == 115)
    return is_key or is_secret_or_token or is_password or is_phrase_or_credentials


@kernel
def is_hexadecimal(codes: Codes, place: int) -> bool:
    if place < 0 or place >= len(codes):
        return False
    code = int(codes[place])
    return 48 <= code <= 57 or 65 <= code <= 70 or 97 <= code <= 102


@kernel
def colons_begin(codes: Codes, classes: Table, place: int) -> int:
    """Where an address of version 6 may begin whose first colon is at `place`; -1 if it cannot be one."""
    start = place
    while place - start < 5 and is_hexadecimal(codes, start - 1):
        start -= 1
    if place - start > 4 or class_at(codes, classes, start - 1) & WORD or (start > 0 and codes[start - 1] == 58):
        return -1
    colons, double = 0, False
    for ahead in range(place, min(place + REACH, len(codes))):
        if codes[ahead] == 58:
            colons += 1
            double = double or (ahead > place and codes[ahead - 1] == 58)
        elif not is_hexadecimal(codes, ahead):
            break
    return start if colons >= 2 and (double or colons >= 6) else -1


@kernel
def surnames_at(codes: Codes, place: int, kind: int, compounds: Codes) -> int:
    """1 if a surname of one character is here, 2 if one of two, 3 if both."""
    surnames = 1 if kind & SURNAME else 0
    if kind & COMPOUND and place + 1 < len(codes):
        for row in range(len(compounds)):
            if compounds[row, 0] == codes[place] and compounds[row, 1] == codes[place + 1]:
                surnames |= 2
    return surnames


@kernel
def house_begin(codes: Codes, classes: Table, place: int) -> int:
    """Where the number begins that stands before `place`, if a Chinese character stands before it; or else -1."""
    start = place
    while place - start < 14 and start > 0:
        kind = class_at(codes, classes, start - 1)
        if not (kind & (DIGIT | UPPER | LOWER | NUMERAL) or codes[start - 1] == 45 or codes[start - 1] == 35):
            break
        start -= 1
    before = start - 1
    if before >= 0 and codes[before] == 32:
        before -= 1
    if start == place or before < 0 or not class_at(codes, classes, before) & HAN:
        return -1
    return start
