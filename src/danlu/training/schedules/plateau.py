"""The rate that falls when the validation loss does not."""

from __future__ import annotations

import math

import torch

from danlu.training.schedules.settings import ReduceOnPlateauSettings


class Plateau:
    """Share of the highest rate, by the validation losses so far. Told each loss by `Validate`.

    Counts as torch's ``ReduceLROnPlateau`` does in its relative mode.
    """

    def __init__(self, settings: ReduceOnPlateauSettings) -> None:
        self.settings = settings
        self.share = 1.0
        self.best = math.inf
        self.num_bad = 0
        self.cooldown_left = 0

    def after_validation(self, step: int, loss: float) -> None:
        """Take note of a validation loss."""
        if loss < self.best * (1 - self.settings.min_improvement):
            self.best, self.num_bad = loss, 0
        else:
            self.num_bad += 1
        if self.cooldown_left > 0:
            self.cooldown_left -= 1
            self.num_bad = 0
        if self.num_bad > self.settings.patience:
            self.share = max(self.share * self.settings.factor, self.settings.final_share)
            self.cooldown_left, self.num_bad = self.settings.cooldown, 0

    def state_dict(self) -> dict[str, torch.Tensor | float]:
        return {
            "share": self.share,
            "best": self.best,
            "num_bad": self.num_bad,
            "cooldown_left": self.cooldown_left,
        }

    def load_state_dict(self, state: dict[str, torch.Tensor | float]) -> None:
        self.share, self.best = float(state["share"]), float(state["best"])
        self.num_bad, self.cooldown_left = int(state["num_bad"]), int(state["cooldown_left"])
