"""How strongly the loss answers to a change of the weights."""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.rates import is_norm

SENSITIVE = 100.0
"""From here on a step of a hundredth of the weights' length, which is a long one already, would take the loss to zero
if the gradient held as far: it says nothing about where a step ends."""


def first_sensitivity(curves: Curves) -> float | None:
    """At the first step, before any learning rate has done anything."""
    found = sensitivity(curves)
    return float(found.values[0]) if found is not None and len(found) else None


def sensitivity(curves: Curves) -> Series | None:
    """Length of the gradient, times length of all weights, over the loss.

    To first order, a change of the weights by a share s of their length, along the gradient, changes the loss by s
    times this share of itself. It has no unit, so models of any size and losses of any height can be compared. None
    where the length of the weights was not recorded.
    """
    gradient, loss = curves.get("train/gradient_norm"), curves.get("train/loss")
    modules = list(curves.of_modules("parameter_norm").values())
    if gradient is None or loss is None or not modules:
        return None
    steps = np.intersect1d(gradient.steps, loss.steps)
    squares = sum(np.interp(steps, norms.steps, norms.values) ** 2 for norms in modules)
    gradients = gradient.values[np.searchsorted(gradient.steps, steps)]
    losses = loss.values[np.searchsorted(loss.steps, steps)]
    return Series(steps, gradients * np.sqrt(squares) / np.maximum(np.abs(losses), 1e-12)).finite


def gradients_of_parts(curves: Curves) -> dict[str, float]:
    """Median over the steps of the norm of each part's gradient, in the model's order.

    Parts are those of the layers that hold matrices, and what lies around the layers.
    """
    found = {}
    for name, series in curves.of_modules("gradient_norm").items():
        if not is_norm(name) and len(series.finite):
            found[name] = float(np.median(series.finite.values))
    return found
