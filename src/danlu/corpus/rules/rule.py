"""What a rule is, what a set of rules is, and what a tagger gets to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.characters import Table
from danlu.corpus.rules.marks import chinese_table, spaced_table
from danlu.corpus.rules.script import Script, settings_name
from danlu.corpus.rules.words import Words
from danlu.corpus.text_batch import TextBatch

Column = npt.NDArray[np.float64]
"""A number for each text; nan where it does not apply."""
Tags = dict[str, Column]
"""Columns by name."""


@dataclass(frozen=True)
class Rule:
    """A tag has to lie within bounds."""

    tag: str
    reason: str
    """Why a text that breaks it is dropped, in plain words."""
    at_least: float | None = None
    at_most: float | None = None

    def broken(self, values: Column) -> npt.NDArray[np.bool_]:
        """By which texts. What is nan breaks nothing."""
        low = values < self.at_least if self.at_least is not None else np.zeros(len(values), bool)
        high = values > self.at_most if self.at_most is not None else np.zeros(len(values), bool)
        return low | high


@dataclass(frozen=True)
class Reading:
    """Texts of one script, as a tagger reads them. What several taggers need is made once."""

    batch: TextBatch
    script: Script

    @cached_property
    def words(self) -> Words:
        return Words.of(self.batch, self.script)

    @property
    def table(self) -> Table:
        """Bits of characters, as the script has them."""
        return chinese_table() if self.script is Script.CHINESE else spaced_table()


@dataclass(frozen=True)
class Tagged:
    """What a tagger found."""

    tags: Mapping[str, Column]
    """By the names that rules know."""
    edited: Reading | None = None
    """The texts as later taggers shall see them, where this one changes texts."""


@dataclass(frozen=True)
class RuleSet:
    """A tagger and its rules."""

    name: str
    version: int
    """Raised when the same text would get other tags."""
    tag: Callable[[Reading, Any], Tagged]
    """Given texts of one script and the settings for it."""
    rules: Callable[[Any, Script], list[Rule]]
    """In the order in which they are asked."""

    def label(self, script: Script) -> str:
        """The versioned name: ``gopher_quality@1``, ``gopher_quality_chinese@1``."""
        return f"{settings_name(self.name, script)}@{self.version}"


def ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Column:
    """nan where there is no whole."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def unit(script: Script) -> str:
    """What words are, in reasons."""
    return "characters" if script is Script.CHINESE else "words"
