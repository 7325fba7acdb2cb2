"""What tags texts and says which are to be left out: tag first, leave out later, so that other thresholds can be tried
on the tags alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Tag = npt.NDArray[np.float64] | list[str | None]
"""A number for each text, not a number where it does not apply; or a word, None likewise."""


@dataclass(frozen=True)
class Judgement:
    """What came of a batch of texts."""

    tags: Mapping[str, Tag]
    """By versioned name: ``gopher_quality@1/num_words``. The names are the same for every batch."""
    reasons: list[str | None]
    """Why each is to be left out, in plain words; None: it stays. The same reasons are counted together."""
    texts: list[str]
    """The texts after edits; as they were where nothing edits them. Those of texts to be left out are there too."""
    details: list[str] | None = None
    """What is written down behind each reason, and not counted: which row, how much. None: nothing."""


class Judge(Protocol):
    """Tags texts. Pure: the same text gets the same, however texts are batched."""

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Of texts that are not empty."""
        ...


def judge_in_turn(judges: Sequence[Judge], texts: Sequence[str]) -> Judgement:
    """Every judge tags every text, as edited by those before it, also texts that one before it leaves out; of several
    reasons the first counts."""
    tags: dict[str, Tag] = {}
    reasons: list[str | None] = [None] * len(texts)
    details = [""] * len(texts)
    edited = list(texts)
    for each in judges:
        judgement = each.judge(edited)
        tags |= judgement.tags
        if judgement.details is not None:
            details = [
                detail if first else later
                for first, detail, later in zip(reasons, details, judgement.details, strict=True)
            ]
        reasons = [first or later for first, later in zip(reasons, judgement.reasons, strict=True)]
        edited = judgement.texts
    return Judgement(tags, reasons, edited, details)
