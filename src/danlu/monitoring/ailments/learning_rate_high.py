"""The learning rate is too high.

It shows in one of three ways:

- The loss rises where the rate does: from the first steps on, during the warm-up, or soon after the rate is at its
  highest (within `SOON` of the run). Rows are drawn the same way throughout, so what changes the loss there is the
  rate.
- The loss rises later, stands still while the rate is high, or comes down hardly below that of the data's frequencies,
  and there were steps so long that nothing could settle: they moved the typical module by `LONG_STEP` of its own
  length. A tenth makes other weights of them within ten steps, and what ten steps read cannot guide them.
- The loss falls, stands still while the rate is high, and falls on as soon as the rate does. (One that has not fallen
  before may just not have begun to, as with encoders that first learn frequencies only.)

A rise, or a fall with the rate, counts if it is at least `WORTH` of what is learnt in the whole run. A hump of less, as
when a model that was trained before begins with new data, is usual and heals by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from danlu.monitoring.ailments.divergence import step_of_no_number
from danlu.monitoring.ailments.under_fitting import BETTER
from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Change, Evidence, Finding, Region, Severity, Unseen
from danlu.monitoring.gradients import SENSITIVE, first_sensitivity
from danlu.monitoring.loss import LossCourse, learnt_to
from danlu.monitoring.rates import high_phase, rate_of, update_ratio
from danlu.monitoring.statistics import Levels, levels, trend

KEY = "learning_rate_high"
LONG_STEP = 0.1
WORTH = 0.25
SOON = 0.1
SETTLING = 0.2
"""Share of the time at a high rate that is not looked at when it is asked whether the loss stands still."""
FEWEST_LEVELS = 6
LOWER, MUCH_LOWER = 3.0, 10.0
"""By these a rate is taken down: from one at which the loss rose, and from one that is known to be too high only."""
USUAL_STEP = 0.01
"""Of their own length, at the most, weights move in the steps of trainings that go well."""


@dataclass(frozen=True, eq=False)
class _Case:
    """What all three ways of looking share."""

    curves: Curves
    course: LossCourse

    @cached_property
    def high(self) -> tuple[float, float]:
        """The steps at which the rate is high; all of them if the rate was not recorded."""
        rate = rate_of(self.curves)
        return high_phase(rate) if rate else (float(self.course.series.steps[0]), float(self.course.series.steps[-1]))

    @cached_property
    def soon(self) -> float:
        """The step until which the rate is to blame for a rise."""
        first, last = float(self.course.series.steps[0]), float(self.course.series.steps[-1])
        length = max(last, float(self.curves.num_steps or 0)) - first
        return min(self.high[0], first + 0.5 * length) + SOON * length

    @cached_property
    def step_length(self) -> float | None:
        """Of the weights, over their own length: the longest but one that was recorded, since one alone may be chance.

        Looked for in the whole run: weights that steps threw far away are long, and later steps short beside them.
        """
        ratio = update_ratio(self.curves)
        return float(np.sort(ratio.values)[-2:][0]) if ratio is not None and len(ratio) else None

    @property
    def has_long_steps(self) -> bool:
        return self.step_length is not None and self.step_length >= LONG_STEP


def look(curves: Curves) -> list[Finding] | Unseen:
    course = LossCourse.of(curves)
    if course is None:
        return Unseen("the training loss was not recorded, or for too few steps")
    if (first_sensitivity(curves) or 0.0) >= SENSITIVE:
        return []  # no rate would do
    case = _Case(curves, course)
    return _broken(case) or _risen(case) or _standing(case) or _for_nothing(case)


def _broken(case: _Case) -> list[Finding]:
    """No number any more, soon or after long steps."""
    where = step_of_no_number(case.curves)
    if where is None or (where > case.soon and not case.has_long_steps):
        return []
    sentence = f"The steps are too long: the loss, or its gradient, is no number from step {where:,.0f} on."
    return [_finding(case, Severity.CRITICAL, sentence, where, _lowered(case))]


def _risen(case: _Case) -> list[Finding]:
    rise = case.course.rise
    if rise is None or rise.high - rise.low < WORTH * case.course.gain:
        return []
    if rise.low_step > case.soon and not case.has_long_steps:
        return []
    lasts = rise.remaining > 0.5
    after = f"and is still at {rise.end:.3g} at the end" if lasts else f"and only then falls, to {rise.end:.3g}"
    rate = _rate_at(case, rise.low_step)
    when = f"while the rate was {rate:.2g}, " if rate else ""
    sentence = (
        f"The steps are too long: from step {rise.low_step:,.0f} on, {when}the loss rose from {rise.low:.3g} to"
        f" {rise.high:.3g}, {after}."
    )
    lowered = _lowered(case)
    to = min(rate / LOWER, lowered) if rate and lowered else lowered
    return [_finding(case, Severity.CRITICAL if lasts else Severity.WARNING, sentence, rise.low_step, to)]


def _standing(case: _Case) -> list[Finding]:
    """The loss stands still while the rate is high; steps are long, or it falls with the rate."""
    first, last = case.high
    at_high = levels(case.course.series.between(first, last).after(SETTLING))
    if len(at_high) < FEWEST_LEVELS or not _stands_still(at_high):
        return []
    later = case.course.series.between(last + 1e-9, float(case.course.series.steps[-1]))
    end = levels(later, most=10).last if len(later) >= FEWEST_LEVELS else None
    plateau = float(sorted(at_high.values)[len(at_high) // 2])
    learnt_before = case.course.start - plateau >= WORTH * case.course.gain
    falls_later = end is not None and at_high.differ(plateau, end) and plateau - end >= WORTH * case.course.gain
    if end is not None and learnt_before and falls_later:
        sentence = (
            f"The steps are too long: while the rate was high, from step {first:,.0f} to {last:,.0f}, the loss stood"
            f" still at {plateau:.3g}; it fell only with the rate, to {end:.3g}."
        )
        return [_finding(case, Severity.WARNING, sentence, first, _lowered(case))]
    if case.has_long_steps:
        what = f"while the rate was high the loss stood still at {plateau:.3g}"
        return [_finding(case, Severity.CRITICAL, _long(case, what), first, _lowered(case))]
    return []


def _for_nothing(case: _Case) -> list[Finding]:
    """Steps are long, and little more has been learnt than frequencies."""
    known = case.curves.data.unigram_nats
    if case.curves.is_running or not case.has_long_steps or known is None:
        return []
    end = learnt_to(case.curves, case.course)
    if end <= (1 - BETTER) * known:
        return []
    what = f"the loss came down to {end:.3g} only; by frequencies alone it would be {known:.3g}"
    return [_finding(case, Severity.CRITICAL, _long(case, what), float(case.course.series.steps[0]), _lowered(case))]


def _long(case: _Case, what: str) -> str:
    return (
        f"The steps are too long: some moved the typical module by {case.step_length:.0%} of its own length or"
        " more, and"
        f" {what}."
    )


def _stands_still(at_high: Levels) -> bool:
    line = trend(at_high.steps, at_high.values)
    half = len(at_high) // 2
    return not line.falls and not at_high.differ(
        float(at_high.values[:half].mean()), float(at_high.values[half:].mean())
    )


def _rate_at(case: _Case, step: float) -> float | None:
    rate = rate_of(case.curves)
    return float(rate.values[min(int(rate.steps.searchsorted(step)), len(rate) - 1)]) if rate else None


def _used(case: _Case) -> float | None:
    """The highest rate: as the recipe says it, or as it was recorded."""
    rate = rate_of(case.curves)
    said = case.curves.setting("optimizer", "learning_rate")
    return float(said) if said else float(rate.values.max()) if rate else None


def _lowered(case: _Case) -> float | None:
    """A rate at which steps would be of usual length, but at most a tenth of the one that was used."""
    used = _used(case)
    return used / max(MUCH_LOWER, (case.step_length or 0.0) / USUAL_STEP) if used else None


def _finding(case: _Case, severity: Severity, sentence: str, where: float, to: float | None) -> Finding:
    curves, course = case.curves, case.course
    rate, ratio = rate_of(curves), update_ratio(curves)
    region = Region(where, float(course.series.steps[-1]), "too long steps")
    evidence = [Evidence("Training loss", "nats", {"loss": course.series}, region)]
    if rate:
        evidence.append(Evidence("Learning rate", "", {"learning rate": rate}, region))
    if ratio is not None:
        limit = f"{LONG_STEP:.0%}: nothing settles"
        step_plot = {"step over weights": ratio}
        evidence.append(
            Evidence("Length of a step over that of the weights", "", step_plot, None, LONG_STEP, limit, True)
        )
    if case.has_long_steps and f"{case.step_length:.0%}" not in sentence:
        sentence += f" Some steps moved the typical module by {case.step_length:.0%} of its own length or more."
    used = _used(case)
    changes = [
        Change(
            f"Instead of {used:.2g}; danlu tune finds a rate that suits by trying."
            if used and to
            else f"Take a rate {MUCH_LOWER:.0f} times lower.",
            curves.set_option("optimizer.learning_rate", f"{to:.1g}") if to else None,
        )
    ]
    if curves.setting("schedule", "warmup_share", default=1) == 0:
        changes.append(
            Change("There is no warm-up; the first steps are the ones that do most harm.",
                   curves.set_option("schedule.warmup_share", 0.1))
        )  # fmt: skip
    numbers = {"step": where, **({"step_length": case.step_length} if case.step_length is not None else {})}
    return Finding(KEY, severity, sentence, evidence, changes, numbers)
