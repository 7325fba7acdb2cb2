"""Gradients vanish: so small that no step gets anywhere, or so on their way down through the layers.

- The loss answers to the weights by less than `INSENSITIVE` (see `gradients.sensitivity`), and has not fallen: a change
  of all weights by their whole length would change it by less than that share. Without the length of the weights, the
  norm of the gradient itself must be below `TINY`.
- The gradient of the lowest layer is less than `FADED` of that of the highest: its weights learn from what is left
  after the layers above have taken away all but a thousandth. Layers with a residual stream keep it within a factor of
  ten or so.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Bars, Change, Evidence, Finding, Severity, Unseen
from danlu.monitoring.gradients import depth_ratio, sensitivity
from danlu.monitoring.loss import LossCourse

KEY = "vanishing_gradients"
INSENSITIVE = 0.01
TINY = 1e-4
FADED = 1e-3
LITTLE = 0.1
"""Of the loss there was: a run that gained more has learnt something."""


def look(curves: Curves) -> list[Finding] | Unseen:
    if curves.get("train/gradient_norm") is None:
        return Unseen("the norm of the gradients was not recorded")
    return _everywhere(curves) or _below(curves)


def _everywhere(curves: Curves) -> list[Finding]:
    course, found, gradient = LossCourse.of(curves), sensitivity(curves), curves.get("train/gradient_norm")
    if course is None or gradient is None or course.gain > LITTLE * abs(course.start):
        return []
    norm = float(np.median(gradient.finite.values)) if len(gradient.finite) else np.inf
    if found is not None and len(found):
        answer = float(np.median(found.values))
        if answer >= INSENSITIVE:
            return []
        sentence = (
            f"Gradients are next to nothing, with a norm of {norm:.1g}: moving the weights by all of their length"
            f" would change the loss by {answer:.1g} of itself, to first order, and it stands at {course.end:.3g}."
        )
        numbers = {"gradient_norm": norm, "sensitivity": answer}
    elif norm < TINY:
        sentence = f"Gradients are next to nothing: their norm is {norm:.1g}, and the loss stands at {course.end:.3g}."
        numbers = {"gradient_norm": norm}
    else:
        return []
    evidence = [
        Evidence("Norm of the gradient", "", {"gradient norm": gradient}, logarithmic=True),
        Evidence("Training loss", "nats", {"loss": course.series}),
    ]
    return [Finding(KEY, Severity.CRITICAL, sentence, evidence, _changes(curves), numbers)]


def _below(curves: Curves) -> list[Finding]:
    found = depth_ratio(curves)
    if found is None or found[0] >= FADED:
        return []
    ratio, by_layer = found
    names = list(by_layer)
    sentence = (
        f"Gradients fade on their way down: {by_layer[names[-1]]:.1g} in {names[-1]}, {by_layer[names[0]]:.1g} in"
        f" {names[0]}, so that the lower layers learn next to nothing."
    )
    evidence = [Evidence("Norm of the gradient by layer", bars=Bars(by_layer, "", (names[0],)), logarithmic=True)]
    return [Finding(KEY, Severity.WARNING, sentence, evidence, _changes(curves), {"lowest_over_highest": ratio})]


def _changes(curves: Curves) -> list[Change]:
    changes = [
        Change(
            "If the model was initialized here, begin with weights of the usual size (initial_std: 0.02 in the"
            " initialize stage); they were too small, or its layers too many."
        )
    ]
    if curves.setting("optimizer", "kind") in ("sgd", None):
        changes.append(
            Change(
                "AdamW divides each gradient by its own size, so that small ones move their weights, too.",
                curves.set_option("optimizer.kind", "adamw"),
            )
        )
    return changes
