"""Gradients vanish: so small that no step gets anywhere, or so on their way down through the layers.

- The loss answers to the weights by less than `INSENSITIVE` (see `gradients.sensitivity`), and has not fallen: a change
  of all weights by their whole length would change it by less than that share. Without the length of the weights, the
  norm of the gradient itself must be below `TINY`.
- The gradients of some layers' parts are less than `FADED` of the largest part's: what is a long step for the one is
  none for the others. Parts that learn together differ by a factor of ten or so, by a hundred at most.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Bars, Change, Evidence, Finding, Severity, Unseen
from danlu.monitoring.gradients import gradients_of_parts, sensitivity
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
    """Parts of layers that get next to nothing of the gradient."""
    parts = gradients_of_parts(curves)
    largest = max(parts, key=lambda name: parts[name], default="")
    faded = [
        name
        for name, norm in parts.items()
        if any(map(str.isdecimal, name.split("."))) and norm < FADED * parts[largest]
    ]
    if not faded:
        return []
    smallest = min(faded, key=lambda name: parts[name])
    in_layers = sum(any(map(str.isdecimal, name.split("."))) for name in parts)
    sentence = (
        f"Gradients fade on their way: {len(faded)} of the {in_layers} parts of layers get less than {FADED:g} of what"
        f" {largest} gets ({parts[largest]:.1g}), {smallest} only {parts[smallest]:.1g}, so they learn next to nothing."
    )
    bars = Bars({name: parts[name] for name in parts}, "", tuple(faded))
    evidence = [Evidence("Norm of the gradient by part of the model", bars=bars, logarithmic=True)]
    severity = Severity.CRITICAL if 2 * len(faded) >= in_layers else Severity.WARNING
    numbers = {"smallest_over_largest": parts[smallest] / max(parts[largest], 1e-300), "faded": float(len(faded))}
    return [Finding(KEY, severity, sentence, evidence, _changes(curves), numbers)]


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
                curves.set_option("optimizer", "{kind: adamw}"),
            )
        )
    return changes
