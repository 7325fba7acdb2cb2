"""The course of a training loss: where it began, how low it came, and where it left its track."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.statistics import Levels, levels

FEWEST_POINTS = 8
"""Below, nothing is said about a loss: with fewer there is no telling a course from noise."""
SMALL_RISE = 0.02
"""A level that is higher by less than this share of itself is not worth a word, however sure it is."""


@dataclass(frozen=True)
class Rise:
    """The largest rise of a loss: from its lowest level so far to a later one."""

    low: float
    high: float
    low_step: float
    high_step: float
    end: float
    """Level at the end of the curve."""
    remaining: float
    """Share of the rise that is still there at the end."""


@dataclass(frozen=True, eq=False)
class LossCourse:
    """Of the training loss."""

    series: Series
    levels: Levels

    @classmethod
    def of(cls, curves: Curves, name: str = "train/loss") -> LossCourse | None:
        """None where too little of it was recorded."""
        series = curves.get(name)
        if series is None or len(series.finite) < FEWEST_POINTS:
            return None
        return cls(series, levels(series))

    @property
    def start(self) -> float:
        """Before the first step: the first value of all."""
        return float(self.series.finite.values[0])

    @property
    def best(self) -> float:
        return self.levels.lowest

    @property
    def end(self) -> float:
        return self.levels.last

    @property
    def gain(self) -> float:
        """By how much it has fallen at its lowest."""
        return max(self.start - self.best, 0.0)

    @property
    def non_finite_step(self) -> float | None:
        """Where it was first no finite number."""
        broken = ~np.isfinite(self.series.values)
        return float(self.series.steps[broken][0]) if broken.any() else None

    @cached_property
    def rise(self) -> Rise | None:
        """The largest there is, if it is one for sure: see `Levels.differ`, and at least `SMALL_RISE` of its low.

        The first value counts as a level of its own, since a rate that is far too high does its harm in the first
        steps.
        """
        values = np.concatenate([[self.start], self.levels.values])
        steps = np.concatenate([self.series.finite.steps[:1], self.levels.steps])
        lowest = np.minimum.accumulate(values)
        place = int((values - lowest).argmax())
        low = float(lowest[place])
        low_place = int(values[: place + 1].argmin())
        high = float(values[place])
        if not self.levels.differ(high, low) or high - low < SMALL_RISE * abs(low):
            return None
        return Rise(low, high, float(steps[low_place]), float(steps[place]), self.end, (self.end - low) / (high - low))


def learnt_to(curves: Curves, course: LossCourse) -> float:
    """How low the loss came in earnest: the lower one of the training loss in the last quarter of the run and the best
    validation loss. Dropout and label smoothing raise the one, rows learnt by heart the other."""
    levels_at_end = course.levels.values[-max(1, len(course.levels) // 4) :]
    found = [float(np.median(levels_at_end))]
    validation = curves.get("validation/loss")
    if validation is not None and len(validation.finite):
        found.append(float(validation.finite.values.min()))
    return min(found)
