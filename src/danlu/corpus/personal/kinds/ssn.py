"""Social security numbers of the United States: AAA-GG-SSSS, without a check digit."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before, counts_things, within_number
from danlu.corpus.personal.draw import Draw, laid_out
from danlu.corpus.personal.kind import Kind, Span

SHAPE = re.compile(r"(?!000|666|9)\d{3}(?:-(?!00)\d{2}-|( )(?!00)\d{2} |(?!00)\d{2})(?!0000)\d{4}(?!\w)", re.ASCII)
"""No area 000, 666 or from 900 on, no group 00, no serial number 0000 was ever given out."""
CONTEXT = any_of(("ssn", "social security", "社会安全", "社安"))
NOBODY = "000"


def find(text: str, position: int, size: int) -> Span | None:
    match = SHAPE.match(text, position)
    if match is None or within_number(text, position, match.end()):
        return None
    said = CONTEXT.search(before(text, position, 30)) is not None
    if "-" not in match.group() and not said:
        return None
    return match.span() if said or not counts_things(text, position) else None


def canonical(value: str) -> str:
    return value.replace(" ", "").replace("-", "")


def stand_in(draw: Draw, value: str) -> str:
    """With the area 000, which nobody has."""
    return laid_out(NOBODY + draw.digits(6), value)


KIND = Kind(
    name="ssn",
    chinese="社会安全号",
    english="SSN",
    anchors={Anchor.NUMBER: (3, 9)},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
