"""Unified social credit codes of Chinese organisations: 18 characters with a check character (GB 32100)."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import within_number
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import Kind, Span
from danlu.corpus.personal.kinds.checksums import CREDIT_ALPHABET, credit_check
from danlu.corpus.personal.kinds.resident_id import NOWHERE, PROVINCES

SHAPE = re.compile(r"[1-9A-HJ-NP-RTUW-Y][1-9A]\d{6}[0-9A-HJ-NP-RTUW-Y]{10}(?!\w)", re.ASCII)
DEPARTMENTS = frozenset("1234567895ANY")
"""First character: the department that registers."""
COUNTRY = "10"
"""In the place of a province: registered by the state itself."""


def find(text: str, position: int, size: int) -> Span | None:
    match = SHAPE.match(text, position)
    if match is None or within_number(text, position, match.end()):
        return None
    return match.span() if is_valid(match.group()) else None


def is_valid(value: str) -> bool:
    """Whether department, region and check character are possible."""
    known = value[0] in DEPARTMENTS and (value[2:4] in PROVINCES or value[2:4] == COUNTRY)
    return known and credit_check(value[:17]) == value[17]


def stand_in(draw: Draw, value: str) -> str:
    """The same department, a right check character, a region that does not exist."""
    organisation = "".join(draw.choice(CREDIT_ALPHABET) for _ in range(9))
    first = value[:2] + NOWHERE + draw.digits(4) + organisation
    return first + credit_check(first)


KIND = Kind(
    name="credit_code",
    chinese="统一社会信用代码",
    english="CREDIT_CODE",
    anchors={Anchor.NUMBER: (18,), Anchor.CODE: (18,)},
    find=find,
    canonical=str,
    stand_in=stand_in,
)
