"""Whether a Chinese poem keeps one line length, counted the same way for poems of people and of models.

A line is what stands between two of the marks in `LINE_ENDS`, line feeds among them, or before the first or behind the
last of them; blanks around it do not count. A poem keeps its line length if it has at least `FEWEST_LINES` lines, all
of them with the same number of characters, which is 5 or 7, and nothing in them but Chinese characters: quotation
marks, brackets, letters, or the mark of a broken character make it fail. Of a poem that was cut off before its end, the
last line is left out unless a mark closes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LINE_ENDS = "，。？！；\n"
LENGTHS = (5, 7)
FEWEST_LINES = 4

_LINE_END = re.compile(f"[{LINE_ENDS}]")
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
"""The blocks of unified and compatibility ideographs."""


@dataclass(frozen=True)
class Poem:
    """Its lines without the title."""

    text: str
    is_whole: bool
    """Whether its writer ended it, and not a limit."""


def lines_of(poem: Poem) -> list[str]:
    """The lines that count, without blanks around them and without empty ones."""
    lines = [line.strip() for line in _LINE_END.split(poem.text)]
    return [line for line in (lines if poem.is_whole else lines[:-1]) if line]


def line_length(poem: Poem) -> int | None:
    """5 or 7 if the poem keeps it, else None."""
    lines = lines_of(poem)
    lengths = {len(line) for line in lines}
    if len(lines) < FEWEST_LINES or len(lengths) > 1 or not all(_CHINESE.fullmatch(line) for line in lines):
        return None
    (length,) = lengths
    return length if length in LENGTHS else None


def share_kept(poems: Sequence[Poem]) -> float:
    """Share of the poems that keep one line length."""
    return sum(line_length(poem) is not None for poem in poems) / len(poems)
