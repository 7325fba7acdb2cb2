"""Gradients explode: so large that the direction they give holds for no step of any use.

It shows in one of four ways:

- From the start, the loss answers to the weights by more than `SENSITIVE` (see `danlu.monitoring.gradients`): a step of
  a hundredth of the weights' length, a long one, would change it by all of itself if the gradient held that far.
  Models that are set up well begin at 1 to 10.
- They grow by `GROWTH` from their lowest level to the end, beyond doubt, and the loss comes to answer to the weights by
  more than `OVERSHOOTING`: then even a usual step, a thousandth of their length, goes too far. Where the length of the
  weights is not known, they grow by `MUCH_GROWTH`. A model that has just been initialized, or that learns its rows by
  heart, may well have gradients that grow tenfold and do no harm.
- At `OFTEN` of the steps they are more than `SPIKE` times the median of the steps around, and of the `FIRST` steps, and
  above the norm they are clipped to (1, where that is not known).
  Batches differ in length and kind, which makes a factor of two or three. Beside a median that has become next to
  nothing, as when rows are learnt by heart, a single row stands out as much as all did in the beginning; that is no
  explosion.
- At `OFTEN` of the steps, or more, they were no finite numbers, and the step was left out.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.finding import Change, Evidence, Finding, Region, Severity, Unseen
from danlu.monitoring.gradients import SENSITIVE, first_sensitivity, sensitivity
from danlu.monitoring.statistics import levels, median_filter, trend

KEY = "exploding_gradients"
GROWTH, MUCH_GROWTH = 10.0, 100.0
OVERSHOOTING = 1000.0
SPIKE = 10.0
OFTEN = 0.02
FEWEST_SPIKES = 3
AROUND = 51
"""Steps whose median is taken around each; odd."""
FIRST = 5
FEWEST_POINTS = 20
FOLLOWING = ("divergence", "under_fitting", "over_fitting")
"""What gradients bring that grow or leap only later; attention that is saturated rather brings them."""


def look(curves: Curves) -> list[Finding] | Unseen:
    gradient = curves.get("train/gradient_norm")
    if gradient is None:
        return Unseen("the norm of the gradients was not recorded")
    return _left_out(curves) or _sensitive(curves) or _grown(curves, gradient) or _spiky(curves, gradient)


def _left_out(curves: Curves) -> list[Finding]:
    skipped = curves.get("train/skipped")
    if skipped is None or (share := float((skipped.values > 0).mean())) < OFTEN or skipped.values.sum() < FEWEST_SPIKES:
        return []
    sentence = f"In {share:.0%} of the steps the loss or the gradient was no number a step could be made with."
    return [_finding(curves, Severity.CRITICAL, sentence, None, {"share_skipped": share})]


def _sensitive(curves: Curves) -> list[Finding]:
    found, early = sensitivity(curves), first_sensitivity(curves)
    if found is None or early is None or early < SENSITIVE:
        return []
    sentence = (
        f"Gradients are huge from the first steps on: moving the weights by {1 / early:.1g} of their length would"
        " change the loss by all of itself, to first order, so no step of ordinary length ends where its gradient"
        " points."
    )
    plot = Evidence("Relative change of the loss over relative change of the weights", "", {"sensitivity": found}, None,
                    SENSITIVE, f"{SENSITIVE:,.0f}", True)  # fmt: skip
    return [_finding(curves, Severity.CRITICAL, sentence, plot, {"sensitivity": early})]


def _grown(curves: Curves, gradient: Series) -> list[Finding]:
    course = levels(gradient)
    if len(gradient.finite) < FEWEST_POINTS:
        return []
    lowest, place = course.lowest, course.lowest_place
    answers = sensitivity(curves)
    enough = MUCH_GROWTH if answers is None or not len(answers) else GROWTH
    clipped_to = float(curves.setting("max_gradient_norm", default=1.0))
    if course.last < enough * lowest or course.last < clipped_to:
        return []
    if answers is not None and len(answers) and levels(answers).last < OVERSHOOTING:
        return []
    if not trend(course.steps[place:], np.log(np.maximum(course.values[place:], 1e-30))).rises:
        return []
    first = float(course.steps[place])
    sentence = (
        f"Gradients have grown {course.last / max(lowest, 1e-30):,.0f} times since step {first:,.0f}: from a norm of"
        f" {lowest:.2g} to {course.last:.2g}."
    )
    region = Region(first, float(course.steps[-1]), "growing")
    plot = Evidence("Norm of the gradient", "", {"gradient norm": gradient}, region, clipped_to, "clipped to", True)
    numbers = {"growth": course.last / max(lowest, 1e-30)}
    return [_finding(curves, Severity.WARNING, sentence, plot, numbers, FOLLOWING)]


def _spiky(curves: Curves, gradient: Series) -> list[Finding]:
    finite = gradient.finite
    if len(finite) < FEWEST_POINTS:
        return []
    usual = np.maximum(median_filter(finite.values, AROUND), np.median(finite.values[:FIRST]))
    spikes = finite.values > np.maximum(SPIKE * usual, float(curves.setting("max_gradient_norm", default=1.0)))
    share = (float(spikes.sum()) + len(gradient) - len(finite)) / len(gradient)
    if share < OFTEN or share * len(gradient) < FEWEST_SPIKES:
        return []
    worst = float((finite.values / np.maximum(usual, 1e-30)).max())
    sentence = (
        f"At {share:.1%} of the steps the gradient is more than {SPIKE:.0f} times as large as usual; at the worst,"
        f" {worst:,.0f} times."
    )
    plot = Evidence("Norm of the gradient", "", {"gradient norm": gradient}, logarithmic=True)
    numbers = {"share_of_spikes": share, "worst": worst}
    return [_finding(curves, Severity.WARNING, sentence, plot, numbers, FOLLOWING)]


def _finding(
    curves: Curves,
    severity: Severity,
    sentence: str,
    plot: Evidence | None,
    numbers: dict[str, float],
    brings: tuple[str, ...] | None = None,
) -> Finding:
    evidence = [plot] if plot else []
    gradient = curves.get("train/gradient_norm")
    if gradient is not None and (plot is None or "gradient norm" not in plot.series):
        evidence.append(Evidence("Norm of the gradient", "", {"gradient norm": gradient}, logarithmic=True))
    clipped_to = float(curves.setting("max_gradient_norm", default=1.0))
    changes = []
    if clipped_to > 1:
        changes.append(
            Change(
                f"Gradients are clipped to a norm of {clipped_to:g} only; 1 is usual and cuts such steps short.",
                curves.set_option("max_gradient_norm", 1.0),
            )
        )
    if severity is Severity.CRITICAL:
        changes.append(
            Change(
                "If the model was initialized here, begin with smaller weights (initial_std: 0.02 in the initialize"
                " stage, initialization: scaled); they were too large for its depth."
            )
        )
    rate = curves.setting("optimizer", "learning_rate")
    changes.append(
        Change(
            "A longer warm-up and a lower rate keep the weights where gradients are small.",
            curves.set_option("optimizer.learning_rate", f"{rate / 3:.1g}") if rate else None,
        )
    )
    return Finding(KEY, severity, sentence, evidence, changes, numbers, brings)
