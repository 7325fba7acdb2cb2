"""The learning rate of a step: a pure function of it, but for the one schedule that looks at validation losses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from danlu.training.schedules.plateau import Plateau
from danlu.training.schedules.settings import ScheduleSettings

LearningRate = Callable[[int, float], float]
"""From a step (0-based) and the highest rate, which groups of parameters may have of their own, to the rate."""


def learning_rate(step: int, highest: float, *, num_steps: int, settings: ScheduleSettings) -> float:
    """Learning rate for `step` (0-based) of `num_steps`.

    Rises linearly over the warm-up, so that the first step already moves, then goes along the chosen curve.
    """
    warmup_steps = settings.num_warmup_steps(num_steps)
    if step < warmup_steps:
        return highest * (step + 1) / warmup_steps
    return highest * settings.share(step - warmup_steps + 1, num_steps - warmup_steps)


def make_learning_rate(settings: ScheduleSettings, num_steps: int, plateau: Plateau | None) -> LearningRate:
    """The learning rate over a run of `num_steps`, lowered as `plateau` says if there is one."""
    on_curve = partial(learning_rate, num_steps=num_steps, settings=settings)
    if plateau is None:
        return on_curve
    return lambda step, highest: on_curve(step, highest) * plateau.share
