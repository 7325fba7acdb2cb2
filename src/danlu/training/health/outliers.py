"""Steps whose loss, or whose gradient's norm, is far above those before."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from danlu.training.health.settings import OutlierSettings

TO_STANDARD_DEVIATIONS = 1.4826
"""Times the median distance from the median: the standard deviation, where values are normally distributed."""
LEAST_SPREAD = 0.05
"""Of the median. A curve may be flat for a while, and what leaves it then is no outlier yet."""


class Outliers:
    """Remembers the last steps. A companion of the optimizer where what it finds changes what is trained.

    Args:
        settings: What counts as one.
    """

    def __init__(self, settings: OutlierSettings) -> None:
        self.settings = settings
        self._values = np.full((2, settings.window), np.nan)
        """Losses and norms; step n stands at n modulo the window."""
        self._count = 0

    def why(self, loss: float, gradient_norm: float) -> str | None:
        """Why a step is one, as words; None if it is not."""
        if self._count < self.settings.warmup_steps:
            return None
        for name, value, before in zip(("loss", "gradient norm"), (loss, gradient_norm), self._values, strict=True):
            median, deviations = robust_deviations(value, before[~np.isnan(before)])
            if deviations > self.settings.threshold:
                return (
                    f"its {name} {value:.4g} is {deviations:.3g} robust standard deviations above {median:.4g},"
                    " the median of those before"
                )
        return None

    def add(self, loss: float, gradient_norm: float) -> None:
        """Remember a step that was made."""
        place = self._count % self.settings.window
        self._values[:, place] = [value if math.isfinite(value) else np.nan for value in (loss, gradient_norm)]
        self._count += 1

    def state_dict(self) -> dict[str, torch.Tensor | float]:
        """Numbers only: tensors in checkpoints are like weights."""
        values = {f"{row}.{place}": float(self._values[row, place]) for row, place in np.ndindex(self._values.shape)}
        return {**values, "count": self._count}

    def load_state_dict(self, state: dict[str, torch.Tensor | float]) -> None:
        self._count = int(state["count"])
        for row, place in np.ndindex(self._values.shape):
            self._values[row, place] = float(state[f"{row}.{place}"])


def robust_deviations(value: float, before: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The median of the values before, and by how many robust standard deviations `value` is above it."""
    if not len(before) or not math.isfinite(value):
        return math.nan, 0.0
    median = float(np.median(before))
    spread = TO_STANDARD_DEVIATIONS * float(np.median(np.abs(before - median)))
    spread = max(spread, LEAST_SPREAD * abs(median))
    return median, (value - median) / spread if spread else 0.0
