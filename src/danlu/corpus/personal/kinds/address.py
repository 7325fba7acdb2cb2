"""Addresses, Chinese and English."""

from __future__ import annotations

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import ANY_SIZE, Kind, Span
from danlu.corpus.personal.kinds import address_chinese, address_english


def find(text: str, position: int, size: int) -> Span | None:
    return address_chinese.find(text, position, size) or address_english.find(text, position, size)


def canonical(value: str) -> str:
    return " ".join(value.replace(",", " ").split()).casefold()


def stand_in(draw: Draw, value: str) -> str:
    made_up = address_english.stand_in if value.isascii() else address_chinese.stand_in
    return made_up(draw, value)


KIND = Kind(
    name="address",
    chinese="地址",
    english="ADDRESS",
    anchors={Anchor.HOUSE: ANY_SIZE, Anchor.STREET: ANY_SIZE},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
