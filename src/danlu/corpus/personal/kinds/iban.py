"""International bank account numbers: a length for each country, and check digits (ISO 13616)."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw, laid_out
from danlu.corpus.personal.kind import Kind, Span
from danlu.corpus.personal.kinds.checksums import iban_check, iban_remainder

LENGTHS_BY_COUNTRY = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM TL SO",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
    33: "RU",
}  # fmt: skip
"""Characters -> countries, by the registry of the standard."""
LENGTHS = {country: length for length, countries in LENGTHS_BY_COUNTRY.items() for country in countries.split()}
NOWHERE = "XX"
"""No country has this code: a stand-in is nobody's account."""

SHAPE = re.compile(r"[A-Z]{2}\d{2}(?:[A-Z0-9]{11,29}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)", re.ASCII)


def find(text: str, position: int, size: int) -> Span | None:
    length = LENGTHS.get(text[position : position + 2])
    match = SHAPE.match(text, position) if length else None
    if match is None or length is None:
        return None
    end = _end(match.group(), length)
    if end is None or _is_word(text[position + end : position + end + 1]):
        return None
    return (position, position + end) if is_valid(canonical(match.group()[:end])) else None


def is_valid(value: str) -> bool:
    """Whether country, length and check digits agree."""
    return LENGTHS.get(value[:2]) == len(value) and iban_remainder(value) == 1


def canonical(value: str) -> str:
    return value.replace(" ", "")


def stand_in(draw: Draw, value: str) -> str:
    """Of no country, as many digits, right check digits."""
    account = draw.digits(len(canonical(value)) - 4)
    return laid_out(NOWHERE + iban_check(NOWHERE, account) + account, value)


def _end(written: str, length: int) -> int | None:
    """How many characters of `written` hold `length` that are not blanks. More groups may follow that look the same."""
    places = [place for place, character in enumerate(written) if character != " "]
    return places[length - 1] + 1 if len(places) >= length else None


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


KIND = Kind(
    name="iban",
    chinese="国际银行账号",
    english="IBAN",
    anchors={Anchor.CODE: (4, *range(15, 35))},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
