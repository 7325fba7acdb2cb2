"""Over-fitting: the training loss falls on while the validation loss rises.

A rise counts if what follows the best validation rises beyond doubt (Kendall's test, or every one of at least
`FEWEST_AFTER` is higher than the best by `SURE_RISE`), and if by the end at least `WORTH` of what validation had gained
is lost again. A tenth: one keeps the weights of the end at the price of a tenth of what training was for. The same
rows are validated on each time, so there is no noise but that of the weights.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.finding import Change, Evidence, Finding, Region, Severity, Unseen
from danlu.monitoring.statistics import levels, trend

KEY = "over_fitting"
WORTH = 0.1
SEVERE = 0.5
FEWEST_AFTER = 2
FEWEST = 4
SURE_RISE = 0.01
"""Of the best loss."""


def look(curves: Curves) -> list[Finding] | Unseen:
    validation, train = curves.get("validation/loss"), curves.get("train/loss")
    if validation is None or len(validation.finite) < FEWEST:
        how = curves.set_option("validate_every_steps", max(1, (curves.num_steps or 100) // 10))
        return Unseen(
            "the validation loss was not recorded often enough" + (f"; {how} records it" if how else "")
            if validation is not None
            else "no validation loss was recorded" + (f"; {how} records it" if how else "")
        )
    if train is None:
        return Unseen("the training loss was not recorded")
    held = validation.finite
    place = int(held.values.argmin())
    best, best_step, end = float(held.values[place]), float(held.steps[place]), float(np.median(held.values[-2:]))
    after = Series(held.steps[place:], held.values[place:])
    gained, lost = float(held.values[0]) - best, end - best
    if len(after) <= FEWEST_AFTER or not _rises(after, best) or lost < WORTH * gained:
        return []
    before, now = _train_level(train, best_step), levels(train).last
    if before is None or now >= before:
        return []
    stops = curves.setting("early_stopping") is not None
    sentence = (
        f"The validation loss was best at step {best_step:,.0f}, {best:.3g}, and has risen to {end:.3g} since, while"
        f" the training loss fell on from {before:.3g} to {now:.3g}: what is learnt now holds for the training rows"
        " only."
    )
    if stops:
        sentence += " Early stopping keeps the best weights, so only time is lost."
    severity = Severity.NOTE if stops else Severity.CRITICAL if lost >= SEVERE * gained else Severity.WARNING
    region = Region(best_step, float(held.steps[-1]), "over-fitted")
    evidence = [Evidence("Loss", "nats", {"training": train, "validation": validation}, region)]
    return [
        Finding(
            KEY, severity, sentence, evidence, _changes(curves, best_step, stops=stops),
            {"best_step": best_step, "best": best, "end": end, "share_lost": lost / gained if gained > 0 else 1.0},
        )
    ]  # fmt: skip


def _rises(after: Series, best: float) -> bool:
    if trend(after.steps, after.values).rises:
        return True
    return len(after) > FEWEST_AFTER and bool((after.values[1:] > best * (1 + SURE_RISE)).all())


def _train_level(train: Series, step: float) -> float | None:
    """Of the training loss around a step."""
    course = levels(train)
    return float(np.interp(step, course.steps, course.values)) if len(course) > 1 else None


def _changes(curves: Curves, best_step: float, *, stops: bool) -> list[Change]:
    changes = []
    if not stops:
        changes.append(
            Change(
                "Stops when validation no longer improves, and saves the best weights.",
                curves.set_option("early_stopping.patience", 3),
            )
        )
    changes.append(Change("Ends where it was best.", curves.set_option("budget", f"{{steps: {best_step:.0f}}}")))
    if curves.setting("regularisation", "dropout", default=0.0) == 0.0 and curves.setting("adapter") is None:
        changes.append(Change("Makes rows harder to learn by heart.", curves.set_option("regularisation.dropout", 0.1)))
    changes.append(Change("More rows, or more varied ones, help most."))
    return changes
