"""How long training takes, from the few numbers that decide it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Of one run on one machine. Checkpoints are not counted."""

    seconds_per_token: float
    """Of a whole step, the optimizer and the writing of metrics included, but for what `seconds_per_step` holds."""
    seconds_per_step: float
    """What a step takes however few tokens it has; 0 where steps are alike and it is part of the other."""
    validation_seconds: float
    """Of measuring the validation loss once."""
    validate_every_steps: int | None
    seconds_before: float
    """From the beginning of the stage to the first step: loading, and timing steps where that was done."""

    def seconds(self, num_steps: int, num_tokens: float) -> float:
        """From the beginning of the stage to the end of the last step.

        Args:
            num_steps: That are made.
            num_tokens: That they read.
        """
        num_validations = math.ceil(num_steps / self.validate_every_steps) if self.validate_every_steps else 0
        steps_seconds = num_steps * self.seconds_per_step + num_tokens * self.seconds_per_token
        return self.seconds_before + steps_seconds + num_validations * self.validation_seconds
