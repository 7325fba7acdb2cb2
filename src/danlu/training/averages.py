"""Averages of the weights along the way, which are what is validated and saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from danlu.training.loop import StepReport


class ExponentialAverage:
    """Exponential moving average of the trained weights; an observer of the loop, with a state to save.

    Args:
        trained: The weights by name, as they are before the first step.
        decay: Share of the average that each step keeps.
    """

    def __init__(self, trained: Mapping[str, torch.Tensor], decay: float) -> None:
        self.names = list(trained)
        self.trained = list(trained.values())
        self.decay = decay
        self.averages = [parameter.detach().clone() for parameter in self.trained]

    def after_step(self, report: StepReport) -> None:
        decay = min(self.decay, (1 + report.step) / (10 + report.step))
        get_ema_multi_avg_fn(decay)(self.averages, self.trained, report.step)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The model has the averages for its weights."""
        with exchanged(self.trained, self.averages):
            yield

    def state_dict(self) -> dict[str, torch.Tensor | float]:
        return dict(zip(self.names, self.averages, strict=True))

    def load_state_dict(self, state: dict[str, torch.Tensor | float]) -> None:
        for name, average in zip(self.names, self.averages, strict=True):
            average.copy_(torch.as_tensor(state[name]))


@contextmanager
def exchanged(ones: list[torch.Tensor], others: list[torch.Tensor]) -> Iterator[None]:
    """`ones` hold what `others` hold, and the other way round."""
    _exchange(ones, others)
    try:
        yield
    finally:
        _exchange(ones, others)


@torch.no_grad()
def _exchange(ones: list[torch.Tensor], others: list[torch.Tensor]) -> None:
    """Copied, one after the other: the model may know these weights by another tensor on the same memory."""
    for one, other in zip(ones, others, strict=True):
        kept = one.clone()
        one.copy_(other)
        other.copy_(kept)


@contextmanager
def schedule_free_average(optimizer: Any, trained: list[torch.Tensor]) -> Iterator[None]:
    """The model has schedule-free AdamW's average for its weights, instead of the point where gradients are taken."""
    kept = [parameter.detach().clone() for parameter in trained]
    optimizer.eval()
    try:
        yield
    finally:
        optimizer.train()
        # There and back again rounds; looking must not change what is trained.
        with torch.no_grad():
            torch._foreach_copy_(trained, kept)
