"""What the learning rate did, and by how much it moved the weights."""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series

NEARLY = 0.95
"""Of the highest rate: warm-up is over."""


def is_norm(module: str) -> bool:
    """Whether a module is one that normalises, by its name."""
    return "norm" in module.rpartition(".")[2].lower()


def rate_of(curves: Curves) -> Series | None:
    """The learning rate, where it is known and not zero throughout."""
    rate = curves.get("train/learning_rate")
    if rate is None or not len(rate.finite) or rate.finite.values.max() <= 0:
        return None
    return rate.finite


def high_phase(rate: Series, share: float = 0.5) -> tuple[float, float]:
    """The steps from which the rate is nearly its highest, and until which it is at least `share` of that."""
    highest = rate.values.max()
    first = int(np.flatnonzero(rate.values >= NEARLY * highest)[0])
    low = np.flatnonzero(rate.values[first:] < share * highest)
    last = first + int(low[0]) - 1 if len(low) else len(rate) - 1
    return float(rate.steps[first]), float(rate.steps[last])


def update_ratio(curves: Curves) -> Series | None:
    """Length of a step of the weights over the length of the weights: the median of the modules, by step.

    Norms are left out: their weights are about one each, however long the others are.
    """
    found = curves.of_modules("update_ratio")
    modules = [series.finite for name, series in found.items() if not is_norm(name) and len(series.finite)]
    if not modules:
        return None
    steps = np.unique(np.concatenate([series.steps for series in modules]))
    by_step: dict[float, list[float]] = {float(step): [] for step in steps}
    for series in modules:
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            by_step[step].append(value)
    return Series(steps, np.array([float(np.median(by_step[float(step)])) for step in steps]))


def path_length(curves: Curves) -> float | None:
    """How far the weights of the typical module have gone along their way, in lengths of the weights.

    They cannot have moved further than this from where they began, whichever way the single steps went.
    """
    ratio, loss = update_ratio(curves), curves.get("train/loss")
    if ratio is None or loss is None:
        return None
    return float(np.mean(ratio.values) * loss.steps[-1])
