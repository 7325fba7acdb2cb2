"""The training loop.

One step: the batch is a function of the step, its loss is a sum over targets divided once by the number of targets in
the WHOLE batch (so that a batch gives the same gradient whether it goes through the model in one piece or in eight),
the gradient is clipped, the optimizer moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import torch

from danlu.training.batches import Batch, Batches, MicroBatches
from danlu.training.health.attempt import Attempt, Inspect, stop_if_not_finite
from danlu.training.held import Held
from danlu.training.schedule import LearningRate

Result = TypeVar("Result")


@dataclass(frozen=True)
class StepReport:
    """What one optimizer step did."""

    step: int
    """How many steps have been made, this one included."""
    loss: float
    """Mean over the batch's targets before the step, nats per token."""
    learning_rate: float
    """The highest of all groups of parameters."""
    gradient_norm: float
    """Euclidean, before it is clipped."""
    num_tokens: int
    num_targets: int
    seconds: float
    rank_seconds: Sequence[float] = ()
    """What each rank computed, without waiting for others; empty with one process."""
    data_seconds: float = 0.0
    """Of these, how long the batch was waited for."""
    is_left_out: bool = False
    """Whether the optimizer was not let move."""
    batch: Batch | None = None
    """What it saw, where it was a real step."""


class AnyPasses(Protocol):
    """Of one rank, or of several together."""

    @property
    def rank_seconds(self) -> Sequence[float]:
        """What each rank computed in the last step; empty with one process."""
        ...

    @property
    def whole_model(self) -> Any | None:
        """That this rank's passes run over; None where it has a part only, or waits for others within a pass."""
        ...

    def alongside(self, work: Callable[[], Result]) -> Result:
        """Have something computed between two steps as a micro-batch is."""
        ...

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float: ...

    def mean_loss(self, micro_batches: MicroBatches) -> float: ...


class Observer(Protocol):
    """Sees every step; never changes what is trained."""

    def after_step(self, report: StepReport) -> None: ...


def train(
    *,
    held: Held,
    passes: AnyPasses,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    learning_rate: LearningRate,
    finish_gradients: Callable[[Sequence[torch.Tensor]], float],
    num_steps: int,
    observers: Sequence[Observer],
    should_stop: Callable[[], bool],
    first_step: int = 0,
    scaler: torch.amp.GradScaler | None = None,
    inspect: Inspect = stop_if_not_finite,
) -> int:
    """Train in place what this rank holds, from `first_step` (0-based) to `num_steps`; all ranks do so together.

    Args:
        held: What is trained.
        passes: Over the model.
        learning_rate: From the step and a group's ``highest_lr`` to its rate.
        finish_gradients: What is done to the gradients before the step, clipping for one; returns their norm.
        should_stop: Asked before each step.
        scaler: Scales the loss, for gradients in float16: a step whose gradient is not finite is left out then.
        inspect: Asked before the optimizer moves. What it raises leaves the weights as they were before that step.

    Returns:
        How many steps have been made in all, `num_steps` unless stopped before.
    """
    scaler = scaler or torch.amp.GradScaler(enabled=False)
    for step in range(first_step, num_steps):
        if held.world.any(should_stop()):
            return step
        started = time.perf_counter()
        batch = batches.at(step)
        data_seconds = time.perf_counter() - started
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, group["highest_lr"])
        loss = passes.accumulate_gradients(batch, scaler.get_scale())
        scaler.unscale_(optimizer)
        gradient_norm = finish_gradients(held.trained)
        is_scaled, names = scaler.get_scale() > 1, partial(batches.names, step)
        may_move = inspect(Attempt(step + 1, batch, loss, gradient_norm, is_scaled, names))
        if may_move:
            scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        report = StepReport(
            step=step + 1,
            loss=loss,
            learning_rate=max(group["lr"] for group in optimizer.param_groups),
            gradient_norm=gradient_norm,
            num_tokens=batch.num_tokens,
            num_targets=batch.num_targets,
            seconds=time.perf_counter() - started,
            rank_seconds=passes.rank_seconds,
            data_seconds=data_seconds,
            is_left_out=not may_move,
            batch=batch,
        )
        for observer in observers:
            observer.after_step(report)
    return num_steps
