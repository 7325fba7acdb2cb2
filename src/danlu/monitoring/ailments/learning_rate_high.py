"""The learning rate is too high.

It shows in one of three ways:

- The loss rises where the rate does: from the first steps on, during the warm-up, or soon after the rate is at its
  highest (within `SOON` of the run). Rows are drawn the same way throughout, so what changes the loss there is the
  rate.
- The loss rises later, or stands still while the rate is high, and steps are so long that nothing can settle: the
  typical module moves by `LONG_STEP` of its own length in every step. A tenth makes other weights of them within ten
  steps, and what ten steps read cannot guide them.
- The loss stands still while the rate is high, and falls as soon as the rate does.

A rise, or a fall with the rate, counts if it is at least `WORTH` of what is learnt in the whole run. A hump of less, as
when a model that was trained before begins with new data, is usual and heals by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from danlu.monitoring.ailments.divergence import step_of_no_number
from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Change, Evidence, Finding, Region, Severity, Unseen
from danlu.monitoring.gradients import SENSITIVE, first_sensitivity
from danlu.monitoring.loss import LossCourse
from danlu.monitoring.rates import high_phase, rate_of, update_ratio
from danlu.monitoring.statistics import Levels, levels, trend

KEY = "learning_rate_high"
LONG_STEP = 0.1
WORTH = 0.25
SOON = 0.1
SETTLING = 0.2
"""Share of the time at a high rate that is not looked at when it is asked whether the loss stands still."""
FEWEST_LEVELS = 6
LOWER = 3.0
"""A rate is taken down by this: half an order of magnitude, about the width of the range in which rates work."""


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
        """Of the weights, over their own length: the highest level that it keeps while the rate is high."""
        ratio = update_ratio(self.curves)
        at_high = ratio.between(*self.high).after(SETTLING) if ratio else None
        return float(levels(at_high, most=10).values.max()) if at_high is not None and len(at_high) else None

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
    return _broken(case) or _risen(case) or _standing(case)


def _broken(case: _Case) -> list[Finding]:
    """No number any more, soon or after long steps."""
    where = step_of_no_number(case.curves)
    if where is None or (where > case.soon and not case.has_long_steps):
        return []
    sentence = f"The steps are too long: the loss is no number from step {where:,.0f} on."
    return [_finding(case, Severity.CRITICAL, sentence, where, 10.0)]


def _risen(case: _Case) -> list[Finding]:
    rise = case.course.rise
    if rise is None or rise.high - rise.low < WORTH * case.course.gain:
        return []
    if rise.low_step > case.soon and not case.has_long_steps:
        return []
    lasts = rise.remaining > 0.5
    after = f"and is still at {rise.end:.3g} at the end" if lasts else f"and only then falls, to {rise.end:.3g}"
    sentence = (
        f"The steps are too long: from step {rise.low_step:,.0f} on, while the rate was"
        f" {_rate_at(case, rise.low_step)}, the loss rose from {rise.low:.3g} to {rise.high:.3g}, {after}."
    )
    return [_finding(case, Severity.CRITICAL if lasts else Severity.WARNING, sentence, rise.low_step, LOWER)]


def _standing(case: _Case) -> list[Finding]:
    """The loss stands still while the rate is high; steps are long, or it falls with the rate."""
    first, last = case.high
    at_high = levels(case.course.series.between(first, last).after(SETTLING))
    if len(at_high) < FEWEST_LEVELS or not _stands_still(at_high):
        return []
    later = case.course.series.between(last + 1e-9, float(case.course.series.steps[-1]))
    end = levels(later, most=10).last if len(later) >= FEWEST_LEVELS else None
    plateau = float(sorted(at_high.values)[len(at_high) // 2])
    if end is not None and at_high.differ(plateau, end) and plateau - end >= WORTH * case.course.gain:
        sentence = (
            f"The steps are too long: while the rate was high, from step {first:,.0f} to {last:,.0f}, the loss stood"
            f" still at {plateau:.3g}; it fell only with the rate, to {end:.3g}."
        )
        return [_finding(case, Severity.WARNING, sentence, first, LOWER)]
    if case.has_long_steps:
        sentence = (
            f"The steps are too long: the typical module moves by {case.step_length:.0%} of its own length in each,"
            f" and the loss stands still at {plateau:.3g}."
        )
        return [_finding(case, Severity.CRITICAL, sentence, first, LOWER)]
    return []


def _stands_still(at_high: Levels) -> bool:
    line = trend(at_high.steps, at_high.values)
    half = len(at_high) // 2
    return not line.falls and not at_high.differ(
        float(at_high.values[:half].mean()), float(at_high.values[half:].mean())
    )


def _rate_at(case: _Case, step: float) -> str:
    rate = rate_of(case.curves)
    if rate is None:
        return "(not recorded)"
    place = min(int(rate.steps.searchsorted(step)), len(rate) - 1)
    return f"{rate.values[place]:.2g}"


def _finding(case: _Case, severity: Severity, sentence: str, where: float, lower: float) -> Finding:
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
    if case.step_length is not None and f"{case.step_length:.0%}" not in sentence:
        sentence += f" A step moves the typical module by {case.step_length:.1%} of its own length."
    used = curves.setting("optimizer", "learning_rate") or (float(rate.values.max()) if rate else None)
    lower = max(lower, (case.step_length or 0) / LONG_STEP * LOWER)
    changes = [
        Change(
            f"{lower:.2g} times less, from {used:.2g} on; danlu tune finds a rate that suits by trying."
            if used
            else f"Take a rate {lower:.2g} times lower.",
            curves.set_option("optimizer.learning_rate", f"{used / lower:.1g}") if used else None,
        )
    ]
    if curves.setting("schedule", "warmup_share", default=1) == 0:
        changes.append(
            Change("There is no warm-up; the first steps are the ones that do most harm.",
                   curves.set_option("schedule.warmup_share", 0.1))
        )  # fmt: skip
    numbers = {"step": where, **({"step_length": case.step_length} if case.step_length is not None else {})}
    return Finding(KEY, severity, sentence, evidence, changes, numbers)
