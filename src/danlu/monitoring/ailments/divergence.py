"""The loss left its track and did not come back, or is no number any more.

It counts if at the end at least half of the rise is still there, and at least half of what had been learnt is lost
again (all of it and more, if nothing had been): from half on, more is lost than kept.
"""

from __future__ import annotations

import re

import numpy as np

from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Change, Evidence, Finding, Region, Severity, Unseen
from danlu.monitoring.loss import LossCourse

KEY = "divergence"
STOPPED = re.compile(r"loss (nan|-?inf)|gradient norm (nan|inf)")
"""What a training says that stopped on such a step."""
HALF = 0.5


def look(curves: Curves) -> list[Finding] | Unseen:
    course = LossCourse.of(curves)
    where = step_of_no_number(curves)
    if where is not None:
        return [
            _finding(
                curves, f"The loss, or its gradient, is no number from step {where:,.0f} on.", where, {"step": where}
            )
        ]
    if course is None:
        return Unseen("the training loss was not recorded, or for too few steps")
    rise = course.rise
    if rise is None or rise.remaining < HALF:
        return []
    learnt, lost = max(course.start - rise.low, 0.0), rise.end - rise.low
    if lost < HALF * learnt:
        return []
    how_much = f"{lost / learnt:.0%} of what had been learnt" if lost < learnt else "more than had been learnt"
    sentence = (
        f"From step {rise.low_step:,.0f} on, the loss rose from {rise.low:.3g}, and it ends at {rise.end:.3g}:"
        f" {how_much} by then is lost again."
    )
    return [_finding(curves, sentence, rise.low_step, {"step": rise.low_step, "best": rise.low, "end": rise.end})]


def step_of_no_number(curves: Curves) -> float | None:
    """The first step at which the loss or the gradient was no finite number."""
    loss = curves.get("train/loss")
    if loss is not None:
        broken = loss.steps[~np.isfinite(loss.values)]
        if len(broken):
            return float(broken[0])
    if STOPPED.search(curves.error or ""):
        return float(loss.steps[-1]) + 1 if loss is not None else 1.0
    return None


def _finding(curves: Curves, sentence: str, where: float, numbers: dict[str, float]) -> Finding:
    loss = curves.get("train/loss")
    evidence = []
    if loss is not None:
        region = Region(where, float(loss.steps[-1]), "off the track")
        evidence.append(Evidence("Training loss", "nats", {"loss": loss}, region))
    rate = curves.setting("optimizer", "learning_rate")
    changes = [
        Change(
            "Nothing says that the rate is at fault, so look first at the rows of the steps where it began (their"
            " order, their encoding, another source), and go on from a checkpoint before them."
        ),
        Change(
            "If the rows are right, shorter steps ride over what threw it off.",
            curves.set_option("optimizer.learning_rate", f"{rate / 3:.1g}") if rate else None,
        ),
    ]
    return Finding(KEY, Severity.CRITICAL, sentence, evidence, changes, numbers)
