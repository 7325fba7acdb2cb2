"""Offensive words, by lists: how many a text has, and the share of its characters in them.

A list finds words, not meaning: it knows no quotation, no new word and no spelling to get round it, and a text about
abuse may have more hits than an abusive one. The lists of Danlu (``words/``) are short on purpose. For more than that,
train a classifier on labelled texts of your own with ``do: train_scorer`` and name it in `scorers`.

All words are looked for at once by an automaton (Aho and Corasick 1975), by the library pyahocorasick:
some 50 MB/s on one core. In 19,484 paragraphs of newspaper there is no hit; 3 % of 750 mails have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from danlu.corpus.characters import HAN, KANA, character_table
from danlu.corpus.judging import Judgement, Tag
from danlu.corpus.tagging.config import ToxicityConfig
from danlu.errors import UserError

LABEL = "toxicity@1"


class ToxicityJudge:
    """Counts offensive words.

    Args:
        config: Which lists, and how much is too much.
        own_lists: Files of words besides.

    Raises:
        UserError: the library is not installed, or a file has no words.
    """

    def __init__(self, config: ToxicityConfig, own_lists: Sequence[Path]) -> None:
        self._config = config
        self._automaton = _automaton(config.lists, own_lists)

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tags: the number of matches, and the share of characters in them."""
        counts, shares = np.zeros(len(texts)), np.zeros(len(texts))
        for row, text in enumerate(texts):
            lengths = [stop - start for start, stop in matches(self._automaton, text.lower())]
            counts[row], shares[row] = len(lengths), sum(lengths) / max(1, len(text))
        tags: dict[str, Tag] = {f"{LABEL}/num_matches": counts, f"{LABEL}/share": shares}
        return Judgement(tags, reasons(tags, self._config), list(texts))


def reasons(tags: dict[str, Tag], config: ToxicityConfig) -> list[str | None]:
    """Why texts with these tags are left out."""
    most, highest = config.max_matches, config.max_share
    found: list[str | None] = []
    for count, share in zip(tags[f"{LABEL}/num_matches"], tags[f"{LABEL}/share"], strict=True):
        if most is not None and float(count or 0) > most:
            found.append(f"{LABEL}: more than {most:,} offensive words")
        elif highest is not None and float(share or 0) > highest:
            found.append(f"{LABEL}: more than {highest:g} of its characters in offensive words")
        else:
            found.append(None)
    return found


def matches(automaton: Any, text: str) -> Iterator[tuple[int, int]]:
    """Where words of the list begin and end in a text in small letters; of those that overlap the first, then the
    longest. A word whose end is a letter of a script with blanks does not go on behind it."""
    hits = [(stop - size + 1, stop + 1) for stop, size in automaton.iter(text)]
    end = 0
    for start, stop in sorted(hits, key=lambda hit: (hit[0], -hit[1])):
        if start >= end and not _goes_on(text, start - 1, start) and not _goes_on(text, stop - 1, stop):
            end = stop
            yield start, stop


def read_words(text: str) -> list[str]:
    """The words of a list: one a line, in small letters. Empty lines and those that begin with # say nothing."""
    lines = (" ".join(line.lower().split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _goes_on(text: str, first: int, second: int) -> bool:
    """Whether two neighbours are in one word, as blanks part them."""
    return first >= 0 and second < len(text) and _is_in_word(text[first]) and _is_in_word(text[second])


def _is_in_word(character: str) -> bool:
    return character.isalnum() and not character_table()[ord(character)] & (HAN | KANA)


def _automaton(lists: tuple[str, ...], own_lists: Sequence[Path]) -> Any:
    """Gives the length of each word that ends at a place."""
    try:
        from ahocorasick import Automaton
    except ImportError as error:
        raise UserError(
            "toxicity needs the package pyahocorasick, which is not installed.",
            "Install it with: pip install 'danlu[data]'",
        ) from error
    automaton = Automaton()
    words = files("danlu.corpus.tagging") / "words"
    contents = [(words / f"{name}.txt").read_text(encoding="utf-8") for name in lists]
    for content in [*contents, *map(_own_list, own_lists)]:
        for word in read_words(content):
            automaton.add_word(word, len(word))
    automaton.make_automaton()
    return automaton


def _own_list(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"toxic_words: {path.name} is no file.", "Name a text file with a word or phrase on each line.")
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"toxic_words: {path.name} is not in UTF-8.", "Save it as UTF-8.") from error
    if not read_words(content):
        raise UserError(f"toxic_words: {path.name} has no words.", "Write a word or phrase on each line.")
    return content
