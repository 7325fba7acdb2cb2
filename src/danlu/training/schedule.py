"""The learning rate of a step, as a pure function of the step: nothing to save, nothing to restore."""

from __future__ import annotations

import math

from danlu.training.config import ScheduleSettings


def learning_rate(step: int, *, num_steps: int, highest: float, settings: ScheduleSettings) -> float:
    """Learning rate for `step` (0-based) of `num_steps`.

    Rises linearly over the warm-up, so that the first step already moves, then falls along the chosen curve and reaches
    `final_share` of the highest rate with the last step.
    """
    warmup_steps = math.ceil(settings.warmup_share * num_steps)
    if step < warmup_steps:
        return highest * (step + 1) / warmup_steps
    progress = (step - warmup_steps + 1) / max(1, num_steps - warmup_steps)
    match settings.kind:
        case "constant":
            return highest
        case "linear":
            fall = progress
        case "cosine":
            fall = 0.5 * (1 - math.cos(math.pi * progress))
    return highest * (1 - (1 - settings.final_share) * fall)
