"""Trying out settings before a run: the learning rate by a range test, the rows at once by the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import psutil

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.models.probe import config_from
from danlu.training import stage
from danlu.training.checkpoint import Checkpoints
from danlu.training.config import TrainConfig
from danlu.training.data import make_batches, read_rows
from danlu.training.gradients import finish_gradients
from danlu.training.loop import StepReport, train
from danlu.training.optimizer import make_optimizer
from danlu.training.setup import attention_for, load_trainable, micro_batch_workers, objective_for

SMOOTHING = 0.8
"""Share of the mean of earlier losses kept at each step: batches differ more than neighbouring learning rates do."""
BELOW_LOWEST = 10.0
"""The suggestion is this many times smaller than the rate at which the loss was lowest."""


@dataclass(frozen=True)
class RangeTest:
    """Loss along a learning rate that grows by the same factor at each step."""

    learning_rates: list[float]
    losses: list[float]
    """Of the batch before each step, nats per token."""
    suggestion: float
    """For ``optimizer.learning_rate``."""


class _Curve:
    """Observer that keeps rates and losses, and sees when training breaks down."""

    def __init__(self) -> None:
        self.learning_rates: list[float] = []
        self.losses: list[float] = []

    def after_step(self, report: StepReport) -> None:
        self.learning_rates.append(report.learning_rate)
        self.losses.append(report.loss)

    def has_broken_down(self) -> bool:
        return bool(self.losses) and smoothed(self.losses)[-1] > 2 * self.losses[0]


def try_learning_rates(
    config: TrainConfig, context: StageContext, *, lowest: float, highest: float, num_steps: int
) -> RangeTest:
    """Smith's learning rate range test (2015, arXiv:1506.01186) with the stage's own model, data and optimizer.

    Nothing is kept of what is trained, and the stage's checkpoints are not touched.

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
    rows = read_rows(context.input("data").path, "train")
    attention = attention_for(config_from(dict(model_input.facts["config"])), rows, config.batch.rows_at_once)
    model = load_trainable(model_input.path, config, attention)
    rates = np.geomspace(lowest, highest, num_steps)
    curve = _Curve()
    # A loss that is not finite ends the test as well as one that explodes.
    with micro_batch_workers(model) as pool, suppress(UserError):
        train(
            model=model,
            batches=make_batches(config, rows),
            objective=objective_for(config),
            optimizer=make_optimizer(model, config.optimizer),
            learning_rate=lambda step, own: own * float(rates[step]) / config.optimizer.learning_rate,
            finish_gradients=partial(
                finish_gradients,
                max_norm=config.max_gradient_norm,
                max_value=config.max_gradient_value,
                regularisation=config.regularisation,
            ),
            num_steps=num_steps,
            checkpoints=Checkpoints(
                context.directory, every_seconds=math.inf, keep=1, fingerprint="", reporter=context.reporter
            ),
            observers=[curve],
            should_stop=curve.has_broken_down,
            pool=pool,
        )
    rates_made = [float(rate) for rate in rates[: len(curve.losses)]]
    return RangeTest(rates_made, curve.losses, suggested_learning_rate(rates_made, curve.losses))


def smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential mean of the losses so far, each divided by the weights it is made of."""
    means, mean = [], 0.0
    for number, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        means.append(mean / (1 - SMOOTHING**number))
    return means


def suggested_learning_rate(learning_rates: Sequence[float], losses: Sequence[float]) -> float:
    """A tenth of the rate at which the smoothed loss is lowest.

    Raises:
        UserError: it is lowest at the start.
    """
    means = smoothed(losses)
    place = int(np.argmin(means)) if means else 0
    if place == 0:
        raise UserError(
            f"The loss did not fall at any of {len(losses)} learning rates tried.",
            "Begin lower, or take more steps; if that does not help, look at the data with danlu plan.",
        )
    return learning_rates[place] / BELOW_LOWEST


@dataclass(frozen=True)
class RowsAtOnce:
    """What the plan foretells for a number of rows that go through the model together."""

    rows_at_once: int
    seconds: float
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
        tried.append(RowsAtOnce(rows, estimate.seconds, estimate.peak_memory_bytes, fits))
        rows *= 2
    return tried


def fastest(tried: Sequence[RowsAtOnce]) -> RowsAtOnce | None:
    """The fastest that fits, or None."""
    return min((one for one in tried if one.fits), key=lambda one: one.seconds, default=None)
