"""When to stop, and the weights that were best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from danlu.training.averages import exchanged
from danlu.training.settings import EarlyStoppingSettings


class EarlyStopping:
    """Told each validation loss while the weights that were validated are in place.

    Args:
        settings: How patient to be.
        trained: The trained weights by name.
    """

    def __init__(self, settings: EarlyStoppingSettings, trained: Mapping[str, torch.Tensor]) -> None:
        self.settings = settings
        self.names = list(trained)
        self.trained = list(trained.values())
        self.best = math.inf
        self.best_step = 0
        """Steps that had been made at the best validation; 0 before the first."""
        self.best_weights: list[torch.Tensor] = []
        self.num_bad = 0

    def after_validation(self, step: int, loss: float) -> None:
        """Take note of a validation loss."""
        if loss < self.best - self.settings.min_delta:
            self.best, self.best_step, self.num_bad = loss, step, 0
            self.best_weights = [parameter.detach().clone() for parameter in self.trained]
        else:
            self.num_bad += 1

    def should_stop(self) -> bool:
        return self.num_bad >= self.settings.patience

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The model has the best weights; there must have been a validation."""
        with exchanged(self.trained, self.best_weights):
            yield

    def state_dict(self) -> dict[str, torch.Tensor | float]:
        weights = dict(zip(self.names, self.best_weights, strict=True)) if self.best_step else {}
        return {**weights, "best": self.best, "best_step": self.best_step, "num_bad": self.num_bad}

    def load_state_dict(self, state: dict[str, torch.Tensor | float]) -> None:
        self.best, self.best_step = float(state["best"]), int(state["best_step"])
        self.num_bad = int(state["num_bad"])
        self.best_weights = [
            torch.as_tensor(state[name]).to(parameter.device)
            for name, parameter in zip(self.names, self.trained, strict=True)
            if self.best_step
        ]
