"""Travel documents: passports, and permits between the mainland, Hong Kong, Macau and Taiwan. They have no check digit.

Those of mainland passports are found by their form; everything else where a word near by says what it is.
"""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before, counts_things, within_number
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import Kind, Span

MAINLAND = re.compile(r"(?:E[A-HJ-NP-Z]\d{7}|[EG]\d{8}|(?:PE|SE|DE)\d{7})(?!\w)", re.ASCII)
"""Ordinary since 2012, ordinary from 1997 on; public affairs, service, diplomatic."""
PASSPORT = re.compile(r"(?=\w*\d{5})[A-Z0-9]{6,10}(?!\w)", re.ASCII)
PASSPORT_WORDS = any_of(("护照", "passport"))

PERMIT = re.compile(r"(?:[CW][A-Z]?\d{7,8}|[LT]\d{8}|[HM]\d{8}(?:\d{2})?|\d{8}|\d{10}(?:\([A-Z]\))?)(?!\w)", re.ASCII)
"""To Hong Kong and Macau; to Taiwan; from Hong Kong and Macau; from Taiwan."""
PERMIT_WORDS = any_of(
    ("通行证", "回乡证", "台胞证", "往来港澳", "往来台湾", "往来大陆", "往来内地", "entry permit", "travel permit",
     "exit-entry", "home return permit")
)  # fmt: skip
REACH = 32
"""Characters before a value: these words are long, and often followed by another one."""
NO_DOCUMENT = "X"


def find_passport(text: str, position: int, size: int) -> Span | None:
    sure = MAINLAND.match(text, position)
    match = sure or PASSPORT.match(text, position)
    if match is None or within_number(text, position, match.end()):
        return None
    said = before(text, position, REACH)
    if PASSPORT_WORDS.search(said):
        return match.span() if sure or not PERMIT_WORDS.search(said) else None
    return match.span() if sure and not counts_things(text, position) else None


def find_permit(text: str, position: int, size: int) -> Span | None:
    match = PERMIT.match(text, position)
    if match is None or within_number(text, position, match.end()):
        return None
    return match.span() if PERMIT_WORDS.search(before(text, position, REACH)) else None


def stand_in(draw: Draw, value: str) -> str:
    """Beginning with an X, as none of these does."""
    return NO_DOCUMENT + "".join(draw.digits(1) if character.isdigit() else character for character in value[1:])


PASSPORT_KIND = Kind(
    name="passport",
    chinese="护照号",
    english="PASSPORT",
    anchors={Anchor.CODE: range(6, 11), Anchor.NUMBER: (8, 9)},
    find=find_passport,
    canonical=str,
    stand_in=stand_in,
)
PERMIT_KIND = Kind(
    name="permit",
    chinese="通行证号",
    english="TRAVEL_PERMIT",
    anchors={Anchor.CODE: range(8, 12), Anchor.NUMBER: (8, 10)},
    find=find_permit,
    canonical=str,
    stand_in=stand_in,
)
