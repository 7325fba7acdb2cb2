"""Texts in; tags, verdicts with reasons, and edited texts out. Tags alone give the verdicts for other thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.corpus.characters import character_table
from danlu.corpus.judging import Judgement
from danlu.corpus.rules.config import RulesConfig
from danlu.corpus.rules.rule import Column, Reading, Rule, Tags
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.table import SETS
from danlu.corpus.text_batch import TextBatch
from danlu.errors import UserError

NUM_CHARACTERS = "text@1/num_characters"
HAN_SHARE = "text@1/han_share"


@dataclass(frozen=True)
class Verdicts:
    """One for each text."""

    kept: npt.NDArray[np.bool_]
    reasons: list[str | None]
    """The first rule that a text breaks, as ``gopher_quality@1: fewer than 50 words``; None where it is kept."""


class RulesJudge:
    """A `danlu.corpus.judging.Judge`. Pure: the same texts give the same, however they are batched.

    Args:
        config: Which rules, with their thresholds.
    """

    def __init__(self, config: RulesConfig) -> None:
        self._config = config

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tag texts and hold the tags against the rules.

        Returns:
            A column for each number of each set, nan for texts of the other script.
        """
        tags, edited = tag(texts, self._config)
        return Judgement(tags, verdicts(tags, self._config).reasons, edited)


def tag(texts: Sequence[str], config: RulesConfig) -> tuple[Tags, list[str]]:
    """The tags of each text, and the texts after edits."""
    batch = TextBatch.of(texts)
    edited = list(texts)
    shares = _han_shares(batch)
    tags: Tags = {NUM_CHARACTERS: batch.lengths.astype(float), HAN_SHARE: shares}
    is_chinese = shares >= config.chinese_from
    for script in Script:
        rows = np.flatnonzero(is_chinese == (script is Script.CHINESE))
        reading = Reading(batch.take(rows), script)
        for name in config.sets:
            label = SETS[name].label(script)
            tagged = SETS[name].tag(reading, config.settings(name, script))
            for column, values in tagged.tags.items():
                tags[f"{label}/{column}"] = _scattered(values, rows, len(texts))
            if tagged.edited is not None:
                reading = tagged.edited
                for row, text in zip(rows, reading.batch.texts(), strict=True):
                    edited[row] = text
    return tags, edited


def verdicts(tags: Mapping[str, Column], config: RulesConfig) -> Verdicts:
    """What the rules say of tagged texts.

    Raises:
        UserError: There is a rule about a number that was not counted.
    """
    num_texts = len(tags[NUM_CHARACTERS])
    kept = np.ones(num_texts, np.bool_)
    reasons: list[str | None] = [None] * num_texts
    for name in config.sets:
        for label, rule in rules_of(name, config):
            column = f"{label}/{rule.tag}"
            if column not in tags:
                raise UserError(
                    f"There is a rule about {column}, which the stored tags do not have.",
                    "Tag the texts again with these settings.",
                )
            broken = rule.broken(tags[column]) & kept
            for row in np.flatnonzero(broken):
                reasons[row] = f"{label}: {rule.reason}"
            kept &= ~broken
    return Verdicts(kept, reasons)


def rules_of(name: str, config: RulesConfig) -> Iterator[tuple[str, Rule]]:
    """The rules of a set that have a threshold, with the set's label, for both scripts."""
    for script in Script:
        for rule in SETS[name].rules(config.settings(name, script), script):
            if rule.at_least is not None or rule.at_most is not None:
                yield SETS[name].label(script), rule


def _scattered(values: Column, rows: npt.NDArray[np.int64], size: int) -> Column:
    """A column of `size` with `values` at `rows` and nan elsewhere."""
    column = np.full(size, np.nan)
    column[rows] = values
    return column


def _han_shares(batch: TextBatch) -> npt.NDArray[np.float64]:
    """Share of Han among the letters of each text (0 to 1); zero where kana are a tenth of the letters."""
    from danlu.corpus.rules.kernels.counting import count_scripts

    letters, han, kana = count_scripts(batch.codes, batch.starts, character_table()).T
    share = han / np.maximum(letters, 1)
    return np.where(kana * 10 >= np.maximum(letters, 1), 0.0, share)
