"""E-mail addresses."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import ANY_SIZE, Kind, Span

ADDRESS = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9+_%-]|\.(?=[A-Za-z0-9+_%-]))*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)+(?P<top>[A-Za-z]{2,24})(?![A-Za-z0-9_])"
)
_NOT_DOMAINS = "png jpg jpeg gif svg webp bmp ico css js ts html htm php py java txt md json xml yaml"
NOT_DOMAINS = frozenset(_NOT_DOMAINS.split())
"""What ends names of files, such as icon@2x.png."""
NOWHERE = "invalid"
"""A top-level domain that never will exist (RFC 2606): a stand-in is nobody's address."""


def find(text: str, position: int, size: int) -> Span | None:
    match = ADDRESS.match(text, position)
    if match is None:
        return None
    top = match.group("top").lower()
    return None if top == NOWHERE or top in NOT_DOMAINS else match.span()


def canonical(value: str) -> str:
    return value.lower()


def stand_in(draw: Draw, value: str) -> str:
    """In a domain that does not exist."""
    return f"{draw.letters(4)}.{draw.letters(5)}@{draw.letters(6)}.{NOWHERE}"


KIND = Kind(
    name="email",
    chinese="邮箱",
    english="EMAIL",
    anchors={Anchor.AT: ANY_SIZE},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
