"""What a kind of personal information is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw

Span = tuple[int, int]
"""First character, and the one behind the last."""

ANY_SIZE = range(64)


@dataclass(frozen=True)
class Kind:
    """One kind, or a close family.

    Functions are given folded text (see `folding.py`), which has the characters of the original one for one.
    """

    name: str
    """As settings and the audit log call it."""
    chinese: str
    """What stands in a Chinese placeholder."""
    english: str
    """What stands in an English placeholder."""
    anchors: Mapping[Anchor, Collection[int]]
    """Where to look: anchors, and their sizes."""
    find: Callable[[str, int, int], Span | None]
    """``find(text, position, size)``: the exact span of a value at an anchor, or None."""
    canonical: Callable[[str], str]
    """One way of writing a value, so that two ways are one value."""
    stand_in: Callable[[Draw, str], str]
    """``stand_in(draw, value)``: a made-up value; what is drawn depends on the key and the canonical value alone."""
