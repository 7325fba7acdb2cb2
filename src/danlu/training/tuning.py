"""Trying out settings before a run: the learning rate by a range test, the rows at once by the plan."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import psutil

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.training import stage
from danlu.training.compilation import choose_attention
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.gradients import finisher
from danlu.training.held import hold
from danlu.training.loop import StepReport, train
from danlu.training.optimizer import make_optimizer
from danlu.training.setup import load_trainable, make_scaler, passes_over

SMOOTHING = 0.8
"""Share of the mean of earlier gains kept at each step."""
BELOW_BEST = 10.0
"""The suggestion is this many times smaller than the rate at which the gain was largest."""


@dataclass(frozen=True)
class RangeTest:
    """Loss along a learning rate that grows by the same factor at each step."""

    learning_rates: list[float]
    losses: list[float]
    """Of the batch before each step, nats per token."""
    untrained_losses: list[float]
    """Of the same batches before the first step."""
    suggestion: float
    """For ``optimizer.learning_rate``."""


class _Curve:
    """Observer that keeps the losses, and sees when they have doubled."""

    def __init__(self, untrained_losses: list[float]) -> None:
        self.untrained_losses = untrained_losses
        self.losses: list[float] = []

    def after_step(self, report: StepReport) -> None:
        self.losses.append(report.loss)

    def has_broken_down(self) -> bool:
        gains = smoothed_gains(self.losses, self.untrained_losses)
        return bool(gains) and gains[-1] < -self.untrained_losses[0]


def try_learning_rates(
    config: TrainConfig, context: StageContext, *, lowest: float, highest: float, num_steps: int
) -> RangeTest:
    """Smith's learning rate range test (2015, arXiv:1506.01186) with the stage's own model, data and optimizer.

    Batches differ more than a few steps of training change, so each loss is compared with that of the untrained model
    on the same batch. Nothing is kept of what is trained, and the stage's checkpoints are not touched.

    Args:
        config: Of the train stage.
        context: With its inputs made.
        lowest: First learning rate.
        highest: Last learning rate, unless training breaks down before.
        num_steps: From one to the other.

    Raises:
        UserError: the loss did not fall at any rate.
    """
    model_input = context.input("model")
    data = TrainingData.open(config, context)
    batches = data.full_size()
    model = load_trainable(model_input.path, config, choose_attention(config, data), data.model_changes)
    rates = np.geomspace(lowest, highest, num_steps)
    # A loss that is not finite ends the test as well as one that explodes.
    with passes_over(model, config) as passes, suppress(UserError):
        curve = _Curve([passes.mean_loss(batches.at(step).micro_batches) for step in range(num_steps)])
        train(
            held=hold(model),
            passes=passes,
            batches=batches,
            optimizer=make_optimizer(model, config.optimizer),
            learning_rate=lambda step, own: own * float(rates[step]) / config.optimizer.learning_rate,
            finish_gradients=finisher(config),
            num_steps=num_steps,
            observers=[curve],
            should_stop=curve.has_broken_down,
            scaler=make_scaler(config),
        )
    tried = [float(rate) for rate in rates[: len(curve.losses)]]
    untrained = curve.untrained_losses[: len(curve.losses)]
    return RangeTest(tried, curve.losses, untrained, suggested_learning_rate(tried, curve.losses, untrained))


def smoothed_gains(losses: Sequence[float], untrained_losses: Sequence[float]) -> list[float]:
    """By how much each loss is below that of the untrained model: exponential means, each over its sum of weights."""
    means, mean = [], 0.0
    for number, (loss, untrained) in enumerate(zip(losses, untrained_losses, strict=False), start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * (untrained - loss)
        means.append(mean / (1 - SMOOTHING**number))
    return means


def suggested_learning_rate(
    learning_rates: Sequence[float], losses: Sequence[float], untrained_losses: Sequence[float]
) -> float:
    """A tenth of the rate at which the smoothed gain is largest.

    Raises:
        UserError: there is none.
    """
    gains = smoothed_gains(losses, untrained_losses)
    if not gains or max(gains) <= 0:
        raise UserError(
            f"The loss did not fall at any of {len(losses)} learning rates tried.",
            "Begin lower, or take more steps; if that does not help, look at the data with danlu plan.",
        )
    return learning_rates[int(np.argmax(gains))] / BELOW_BEST


@dataclass(frozen=True)
class RowsAtOnce:
    """What the plan foretells for a number of rows that go through the model together."""

    rows_at_once: int
    seconds: float
    num_tokens: int
    """That are trained in this time; with a budget of minutes, as many as it is enough for."""
    peak_memory_bytes: int
    fits: bool
    """Whether this machine has the memory."""


def try_rows_at_once(config: TrainConfig, context: StageContext) -> list[RowsAtOnce]:
    """Ask the plan for 1, 2, 4, ... rows at once, up to those of a batch or until the memory does not do.

    The result of training does not depend on it; time and memory do.
    """
    memory = psutil.virtual_memory().total
    tried: list[RowsAtOnce] = []
    rows = 1
    while rows <= config.batch.rows and (not tried or tried[-1].fits):
        batch = config.batch.model_copy(update={"rows_at_once": rows})
        estimate = stage.plan(config.model_copy(update={"batch": batch}), context)
        fits = estimate.peak_memory_bytes <= memory
        tried.append(
            RowsAtOnce(rows, estimate.seconds, estimate.facts["num_tokens_trained"], estimate.peak_memory_bytes, fits)
        )
        rows *= 2
    return tried


def fastest(tried: Sequence[RowsAtOnce]) -> RowsAtOnce | None:
    """The fastest that fits, or None."""
    return min((one for one in tried if one.fits), key=lambda one: one.seconds / one.num_tokens, default=None)
