"""Chinese resident IDs: 18 characters with a check digit, or 15 digits as they were before 1999."""

from __future__ import annotations

import re
from datetime import date

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before, counts_things, within_number
from danlu.corpus.personal.draw import Draw, laid_out
from danlu.corpus.personal.kind import Kind, Span
from danlu.corpus.personal.kinds.card import is_valid as card_is_valid
from danlu.corpus.personal.kinds.checksums import resident_check

_PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
PROVINCES = frozenset(_PROVINCES.split())
"""First two digits of GB/T 2260; 81 to 83 are residence permits of people from Hong Kong, Macau and Taiwan."""
PREFECTURES = frozenset(range(0, 71)) | {90}
"""Third and fourth digit: cities, prefectures and leagues of then and now; 90 is what a province governs itself."""
FIRST_YEAR, LAST_YEAR = 1880, 2040
"""Of birth. The last is far enough away not to be looked at again soon."""
NOWHERE = "99"
"""No province begins so: a stand-in is nobody's ID."""

SHAPE = re.compile(r"\d{6}(?:([ -]?)\d{8}\1\d{3}[\dXx]|\d{9})(?!\w)", re.ASCII)
CONTEXT = any_of(("身份", "证件", "证号", "id card", "identity", "id no", "id number", "idcard", "居民证"))


def find(text: str, position: int, size: int) -> Span | None:
    match = SHAPE.match(text, position)
    if match is None or within_number(text, position, match.end()):
        return None
    value = canonical(match.group())
    if len(value) == 15:
        sure = CONTEXT.search(before(text, position)) is not None
        doubtful = counts_things(text, position) or card_is_valid(value)
        return match.span() if (sure or not doubtful) and old_is_valid(value) else None
    return match.span() if is_valid(value) else None


def is_valid(value: str) -> bool:
    """Whether region, date of birth and check digit of 18 characters are possible."""
    return region_exists(value) and date_exists(value[6:14]) and resident_check(value[:17]) == value[17]


def old_is_valid(value: str) -> bool:
    """Whether region and date of birth of 15 digits are possible; the year is 19.."""
    return region_exists(value) and value[4:6] != "00" and date_exists(f"19{value[6:12]}")


def region_exists(value: str) -> bool:
    """Whether the first four digits may be those of a region."""
    return value[:2] in PROVINCES and int(value[2:4]) in PREFECTURES


def date_exists(digits: str) -> bool:
    """Whether YYYYMMDD is a day on which someone may have been born."""
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and 1 <= day <= 31):
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def canonical(value: str) -> str:
    return value.replace(" ", "").replace("-", "").upper()


def stand_in(draw: Draw, value: str) -> str:
    """Another date of birth, right check digit, a region that does not exist."""
    born = date.fromordinal(date(1950, 1, 1).toordinal() + draw.below(55 * 365)).strftime("%Y%m%d")
    first = NOWHERE + draw.digits(4) + born + draw.digits(3)
    made = first + resident_check(first) if len(canonical(value)) == 18 else first[:6] + born[2:] + first[14:17]
    return laid_out(made, value)


KIND = Kind(
    name="resident_id",
    chinese="身份证号",
    english="RESIDENT_ID",
    anchors={Anchor.NUMBER: (6, 15, 18)},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
