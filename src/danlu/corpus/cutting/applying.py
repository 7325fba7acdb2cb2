"""Texts without what is cut out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

SPACE = re.compile(r"\s")


def without(text: str, cuts: Iterable[tuple[int, int]]) -> str:
    """A text without some stretches of it, and without white space around what is left.

    Words are not glued together: where there was white space in what is cut out, and none is left beside it, a blank
    takes its place, or a line feed if there was one.

    Args:
        text: As it was.
        cuts: First character and the one behind the last, in order, none over another.
    """
    kept: list[str] = []
    end = 0
    for start, stop in _joined(cuts):
        before, gone, behind = text[end:start], text[start:stop], text[stop : stop + 1]
        kept.append(before)
        glued = before and behind and not before[-1].isspace() and not behind.isspace()
        if glued and SPACE.search(gone):
            kept.append("\n" if "\n" in gone else " ")
        end = stop
    return "".join([*kept, text[end:]]).strip()


def _joined(cuts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """With those that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, stop in cuts:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined
