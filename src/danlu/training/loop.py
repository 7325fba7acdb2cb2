"""The training loop.

One step: the batch is a function of the step, its loss is a sum over targets divided once by the number of targets in
the WHOLE batch (so that a batch gives the same gradient whether it goes through the model in one piece or in eight),
the gradient is clipped, the optimizer moves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from danlu.errors import UserError
from danlu.hardware.threads import Workers
from danlu.training.batches import Batch, BatchStream, MicroBatch
from danlu.training.checkpoint import Checkpoints
from danlu.training.objective import Objective
from danlu.training.schedule import LearningRate


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


class Observer(Protocol):
    """Sees every step; never changes what is trained."""

    def after_step(self, report: StepReport) -> None: ...


def train(
    *,
    model: Any,
    batches: BatchStream,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    learning_rate: LearningRate,
    finish_gradients: Callable[[Sequence[torch.Tensor]], float],
    num_steps: int,
    checkpoints: Checkpoints,
    observers: list[Observer],
    should_stop: Callable[[], bool],
    first_step: int = 0,
    pool: Workers | None = None,
) -> int:
    """Train `model` in place from `first_step` (0-based) to `num_steps`, micro-batches side by side if there is a pool.

    Args:
        learning_rate: From the step and a group's ``highest_lr`` to its rate.
        finish_gradients: What is done to the gradients before the step, clipping for one; returns their norm.
        should_stop: Asked before each step.

    Returns:
        How many steps have been made in all, `num_steps` unless stopped before.

    Raises:
        UserError: the loss or the gradient is not finite; the weights are left as they were before that step.
    """
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    model.train()
    for step in range(first_step, num_steps):
        if should_stop():
            return step
        started = time.perf_counter()
        batch = batches.at(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, group["highest_lr"])
        loss = accumulate_gradients(model, batch, objective, trained, pool)
        gradient_norm = finish_gradients(trained)
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            raise UserError(
                f"Training stopped at step {step + 1}: loss {loss}, gradient norm {gradient_norm}"
                f" ({batches.names(step)}).",
                "Lower optimizer.learning_rate, or look at those rows; the last checkpoint is kept.",
            )
        optimizer.step()
        optimizer.zero_grad()
        report = StepReport(
            step=step + 1,
            loss=loss,
            learning_rate=max(group["lr"] for group in optimizer.param_groups),
            gradient_norm=gradient_norm,
            num_tokens=batch.num_tokens,
            num_targets=batch.num_targets,
            seconds=time.perf_counter() - started,
        )
        for observer in observers:
            observer.after_step(report)
        if checkpoints.due() and step + 1 < num_steps:
            checkpoints.save(step + 1, model, optimizer)
    return num_steps


def accumulate_gradients(
    model: Any, batch: Batch, objective: Objective, trained: Sequence[torch.Tensor], pool: Workers | None = None
) -> float:
    """Set the gradients of `trained` to the batch's; returns the mean loss over its targets, nats per token.

    Gradients are added in the order of the micro-batches, whichever worker is done first, so that the sum has the same
    bits with any number of workers.
    """

    def one(micro: MicroBatch) -> tuple[float, tuple[torch.Tensor, ...]]:
        loss = objective(model, micro)
        gradients = torch.autograd.grad(loss / batch.num_targets, trained, materialize_grads=True)
        return float(loss.detach()), gradients

    total = 0.0
    for loss, gradients in pool.map(one, batch.micro_batches) if pool else map(one, batch.micro_batches):
        total += loss
        for parameter, gradient in zip(trained, gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    return total / batch.num_targets


def mean_loss(
    model: Any, micro_batches: Sequence[MicroBatch], objective: Objective, pool: Workers | None = None
) -> float:
    """Mean loss over all targets of some micro-batches, nats per token. Leaves the model in train mode if it was."""

    def one(micro: MicroBatch) -> float:
        with torch.no_grad():
            return float(objective(model, micro))

    was_training = model.training
    model.eval()
    total = sum(pool.map(one, micro_batches) if pool else map(one, micro_batches))
    model.train(was_training)
    return total / sum(micro.num_targets for micro in micro_batches)
