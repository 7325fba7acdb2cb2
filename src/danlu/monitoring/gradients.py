"""How strongly the loss answers to a change of the weights."""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series, by_layer

SENSITIVE = 1000.0
"""From here on a gradient says nothing about where a step of ordinary length, a thousandth of the weights', ends."""
FIRST_STEPS = 3


def first_sensitivity(curves: Curves) -> float | None:
    """Median over the first steps, in which no learning rate has done anything yet."""
    found = sensitivity(curves)
    return float(np.median(found.values[:FIRST_STEPS])) if found is not None and len(found) else None


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


def depth_ratio(curves: Curves) -> tuple[float, dict[str, float]] | None:
    """Gradient of the lowest layer over that of the highest, and each layer's; medians over the steps.

    The ratio is of the line through the layers' logarithms. None below four layers.
    """
    squares: dict[int, list[float]] = {}
    for number, _, series in by_layer(curves.of_modules("gradient_norm")):
        finite = series.finite
        if len(finite):
            squares.setdefault(number, []).append(float(np.median(finite.values)) ** 2)
    if len(squares) < 4:
        return None
    numbers = np.array(sorted(squares), np.float64)
    norms = np.sqrt([sum(squares[int(number)]) for number in numbers])
    if norms.min() <= 0:
        return 0.0, {f"layer {number:.0f}": float(norm) for number, norm in zip(numbers, norms, strict=True)}
    from scipy.stats import theilslopes

    slope = float(theilslopes(np.log(norms), numbers)[0])
    by_name = {f"layer {number:.0f}": float(norm) for number, norm in zip(numbers, norms, strict=True)}
    return float(np.exp(-slope * (numbers[-1] - numbers[0]))), by_name
