"""Telephone numbers of mainland China: mobiles, and landlines with an area code or as 400 and 800 numbers."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before, counts_things, within_number
from danlu.corpus.personal.draw import Draw, laid_out
from danlu.corpus.personal.kind import Kind, Span

COUNTRY = r"(?:\(\+?86\)[ -]?|(?:\+|00)?86[ -]?)"
MOBILE_PREFIX = r"1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])"
MOBILE = re.compile(rf"{COUNTRY}?{MOBILE_PREFIX}([ -]?)\d{{4}}\1\d{{4}}(?!\w)", re.ASCII)

EXTENSION = r"(?:(?:转| ?ext\.? ?|-)\d{1,5}(?![\w-]))?"
AREA = r"(?:10|2\d|[3-9]\d{2})"
LOCAL = r"[2-8]\d{2,3}[ -]?\d{4}"
LANDLINE = re.compile(
    rf"(?:{COUNTRY}\(?0?{AREA}\)?[ -]?|\(0{AREA}\)[ -]?|0{AREA}[ -])(?P<local>{LOCAL}){EXTENSION}(?!\w)"
    rf"|[48]00(?P<service>[ -][1-9]\d{{2,3}}[ -]?\d{{3,4}})(?!\w)",
    re.ASCII,
)
LANDLINE_IN_ONE = re.compile(rf"(?:0{AREA}{LOCAL}{EXTENSION}|[48]00[1-9]\d{{6}})(?!\w)", re.ASCII)
"""Only where it is said that it is one."""
SAID = any_of(("电话", "座机", "传真", "热线", "致电", "拨打", "联系", "tel", "phone", "fax", "call"))

NUMBERED = frozenset("0123456789")


def find_mobile(text: str, position: int, size: int) -> Span | None:
    match = MOBILE.match(text, position)
    if match is None or within_number(text, position, match.end()):
        return None
    if counts_things(text, position) and not SAID.search(before(text, position)):
        return None
    return match.span()


def find_landline(text: str, position: int, size: int) -> Span | None:
    match = LANDLINE.match(text, position)
    if match is None and size >= 10:
        match = LANDLINE_IN_ONE.match(text, position)
        match = match if match and SAID.search(before(text, position)) else None
    if match is None or within_number(text, position, match.end()) or not _has_right_length(match.group()):
        return None
    return None if counts_things(text, position) else match.span()


def canonical(value: str) -> str:
    """Digits without the country's code; an extension belongs to them."""
    digits = "".join(character for character in value if character in NUMBERED)
    digits = digits.removeprefix("00")
    return digits.removeprefix("86").removeprefix("0")


def mobile_stand_in(draw: Draw, value: str) -> str:
    """Beginning with 12, as no mobile does."""
    digits = "".join(character for character in value if character in NUMBERED)
    return laid_out(digits[:-11] + "12" + draw.digits(9), value)


def landline_stand_in(draw: Draw, value: str) -> str:
    """In the same area, beginning with 0, as no number does that one may call there."""
    match = LANDLINE.match(value)
    first = max(match.start("local"), match.start("service")) if match else 4
    while value[first] not in NUMBERED:
        first += 1
    behind = (draw.digits(1) if character in NUMBERED else character for character in value[first + 1 :])
    return value[:first] + "0" + "".join(behind)


def _has_right_length(value: str) -> bool:
    """Eight digits behind the areas that have only such numbers, seven or eight behind the others."""
    match = LANDLINE.match(value)
    if match is None or match.group("local") is None:
        return True
    number = canonical(value[: match.end("local")])
    return len(number) == 10 if number[0] in "12" else len(number) in (10, 11)


MOBILE_KIND = Kind(
    name="mobile",
    chinese="手机号",
    english="MOBILE",
    anchors={Anchor.NUMBER: (2, 3, 4, 11, 13, 15), Anchor.OPENING: (1, 2)},
    find=find_mobile,
    canonical=canonical,
    stand_in=mobile_stand_in,
)
LANDLINE_KIND = Kind(
    name="landline",
    chinese="座机号",
    english="LANDLINE",
    anchors={Anchor.NUMBER: (2, 3, 4, 10, 11, 12), Anchor.OPENING: (1, 2)},
    find=find_landline,
    canonical=canonical,
    stand_in=landline_stand_in,
)
