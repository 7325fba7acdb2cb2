"""A step whose gradient is there and whose optimizer has not moved yet: the moment to look, and to say no."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from danlu.errors import UserError
from danlu.training.batches import Batch


@dataclass(frozen=True)
class Attempt:
    """What is known of it. The same on all ranks, but for the batch."""

    step: int
    """How many steps there will have been with this one."""
    batch: Batch
    loss: float
    """Mean over the batch's targets, nats."""
    gradient_norm: float
    """Euclidean, before it is clipped."""
    is_scaled: bool
    """Whether the loss was scaled for float16; then a gradient that is not finite means too large a scale, and the
    scaler leaves the step out by itself."""
    names: Callable[[], str]
    """What to call the rows of its batch."""

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.loss) and (math.isfinite(self.gradient_norm) or self.is_scaled)


Inspect = Callable[[Attempt], bool]
"""Looks at a step; says whether the optimizer may move."""


def stop_if_not_finite(attempt: Attempt) -> bool:
    """The plainest of them.

    Raises:
        UserError: the loss or the gradient is not finite.
    """
    if not attempt.is_finite:
        raise stopped(attempt)
    return True


def stopped(attempt: Attempt, why: str = "", hint: str = "") -> UserError:
    """What the user is told of a step that ends the training."""
    return UserError(
        f"Training stopped at step {attempt.step}: loss {attempt.loss}, gradient norm {attempt.gradient_norm}"
        f"{why} ({attempt.names()}).",
        hint or "Lower optimizer.learning_rate, or look at those rows; the last checkpoint is kept.",
    )
