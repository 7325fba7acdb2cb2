"""Chinese vehicle plates: region, agency, five characters, or six where the vehicle is driven by new energy (GA 36)."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import ANY_SIZE, Kind, Span

REGIONS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
SERIAL = "A-HJ-NP-Z0-9"
"""I and O are left out, since they look like digits."""
SHAPE = re.compile(
    rf"[{REGIONS}][A-HJ-NP-Z][·•・\- ]?(?=[A-Z]{{0,2}}\d|\d)"
    rf"(?:[DF][{SERIAL}]\d{{4}}|\d{{5}}[DF]|[{SERIAL}]{{4}}(?:[学警港澳挂]|[{SERIAL}]))(?![A-Za-z0-9_])"
)
FEWEST_DIGITS = 3
NO_AGENCY = "I"


def find(text: str, position: int, size: int) -> Span | None:
    match = SHAPE.match(text, position)
    return match.span() if match and sum(map(str.isdigit, match.group())) >= FEWEST_DIGITS else None


def canonical(value: str) -> str:
    return "".join(character for character in value if character.isalnum())


def stand_in(draw: Draw, value: str) -> str:
    """Of an agency I, which there is nowhere."""
    serial = (draw.digits(1) if character.isdigit() else character for character in value[2:])
    return draw.choice(REGIONS[:-2]) + NO_AGENCY + "".join(serial)


KIND = Kind(
    name="plate",
    chinese="车牌号",
    english="PLATE",
    anchors={Anchor.PLATE: ANY_SIZE},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
