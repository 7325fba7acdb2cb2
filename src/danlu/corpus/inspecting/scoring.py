"""A score for the data of a source, from 0 to 100: the weighted geometric mean of what was measured.

    score = 100 * (c1 ** w1 * c2 ** w2 * ...) ** (1 / (w1 + w2 + ...))

readable  rows that could be read and made a text, times texts without signs of a wrong encoding
passing   of rows that could be read, those that no filter but repetition leaves out
rules     of the rules for quality that apply to a row, the share it passes; the mean over rows
unique    of rows that pass, those that repeat no other
private   1 / (1 + d), with d finds of personal information for 1,000 characters of what stayed

Each is from 0 to 1. What was not looked for (no rules, no personal information) does not count, and its weight goes
to the others: compare scores only where the same was measured. The mean is geometric, so that what is bad in one way is
not made good by the others. The weights are a judgement, not a measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

WEIGHTS = {"readable": 20, "passing": 30, "rules": 15, "unique": 25, "private": 10}


@dataclass(frozen=True)
class Measured:
    """Of a source."""

    num_read: int
    """Rows."""
    num_unreadable: int
    """Rows that could not be read, or made no text."""
    num_filtered: int
    """Rows left out by other filters than repetition."""
    num_repeating: int
    num_kept: int
    num_damaged: int
    """Kept rows with signs of a wrong encoding."""
    num_characters: int
    """Of kept rows."""
    num_personal: int | None
    """Finds in kept rows; None if nobody looked."""
    share_of_rules: float | None
    """That rows pass, on average; None if there are none."""


@dataclass(frozen=True)
class Score:
    """With what it is made of."""

    value: float
    """0 to 100."""
    components: dict[str, float]
    """0 to 1."""


def score_of(measured: Measured) -> Score | None:
    """None where no row was read."""
    if not measured.num_read:
        return None
    readable = measured.num_read - measured.num_unreadable
    passing = readable - measured.num_filtered
    intact = 1 - measured.num_damaged / measured.num_kept if measured.num_kept else 1.0
    components = {"readable": readable / measured.num_read * intact}
    if readable:
        components["passing"] = passing / readable
    if measured.share_of_rules is not None:
        components["rules"] = measured.share_of_rules
    if passing:
        components["unique"] = 1 - measured.num_repeating / passing
    if measured.num_personal is not None and measured.num_characters:
        components["private"] = 1 / (1 + 1000 * measured.num_personal / measured.num_characters)
    weight = sum(WEIGHTS[name] for name in components)
    value = math.prod(share ** (WEIGHTS[name] / weight) for name, share in components.items())
    return Score(100 * value, components)
