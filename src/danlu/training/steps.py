"""The steps of a training that is set up: by one process, by ranks together, or by copies that train apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch

from danlu.artifacts.stage import StageContext
from danlu.hardware.machine import num_usable_cores
from danlu.hardware.roof import matrix_roof
from danlu.models.precision import compute_dtype
from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.reporter import Task
from danlu.telemetry.system import SystemSampler
from danlu.training.batches import Batches, BatchStream
from danlu.training.checkpoint import Checkpoints
from danlu.training.companions import Companions
from danlu.training.config import TrainConfig
from danlu.training.gradients import finish_gradients
from danlu.training.health.health import Health, Inspector
from danlu.training.health.pictures import decoder_of
from danlu.training.health.rewind import back_to_checkpoint, train_with_rewinds
from danlu.training.health.utilisation import Utilisation
from danlu.training.health.watch import WatchSystem
from danlu.training.held import Held
from danlu.training.held_out import HeldOut
from danlu.training.loop import AnyPasses, Observer, ShouldStop, train
from danlu.training.observers import SaveCheckpoints, ShowProgress, Validate, WriteMetrics
from danlu.training.optimizers.groups import trained_by_name
from danlu.training.parallel.apart import Apart, Together
from danlu.training.parallel.blocks import Block, Numbers, Record, ShareOfBatches
from danlu.training.parallel.joint import JointPasses
from danlu.training.parallel.stragglers import Stragglers
from danlu.training.passes import Passes
from danlu.training.schedule import make_learning_rate
from danlu.training.world import World


@dataclass(frozen=True)
class Parts:
    """What a training is made of, on this rank."""

    config: TrainConfig
    context: StageContext
    world: World
    held_out: HeldOut
    batches: BatchStream
    num_steps: int
    whole: Any
    """The model without weights."""
    held: Held
    passes: AnyPasses
    optimizer: torch.optim.Optimizer
    companions: Companions
    scaler: torch.amp.GradScaler
    health: Health
    apart: Apart | None
    """How copies come together, if they train apart."""
    checkpoints: Checkpoints

    @property
    def by_itself(self) -> tuple[Held, AnyPasses]:
        """What this rank trains, and by which passes, until it talks to others."""
        if not self.apart:
            return self.held, self.passes
        assert isinstance(self.passes, JointPasses)
        assert isinstance(self.passes.own, Passes)  # all of the model is here: see `TrainConfig`
        return self.held.alone, self.passes.own


class SeesAll(Together, Observer, Protocol):
    """What is done together, after each step that is told."""


@dataclass(frozen=True)
class Watchers:
    """Who sees the steps of a training besides what belongs to it."""

    own: list[Observer]
    """What this rank makes by itself."""
    all: list[Observer]
    """Each step as it was on all ranks."""


def make_steps(parts: Parts, first_step: int, writer: MetricsWriter | None, task: Task, watchers: Watchers) -> int:
    """Train to the end, or until asked to stop; returns how many steps have been made in all.

    Args:
        parts: Of the training.
        first_step: To begin with (0-based).
        writer: Of metrics; None on all ranks but one.
        task: Shows how far it is.
        watchers: Are told.
    """
    inspector = _inspector(parts, writer)
    own = [inspector, *parts.companions.observers, *watchers.own]
    shown = [ShowProgress(task), *watchers.all, *_shown_by_the_first(parts, writer)]
    together = _done_together(parts, writer)
    train_steps = _training(parts, inspector)

    def should_stop() -> bool:
        return parts.context.stop.requested or parts.companions.should_stop()

    def all_together(step: int) -> int:
        return train_steps(parts.batches, step, parts.num_steps, [*own, *shown, *together], should_stop)

    def block(block: Block) -> Numbers:
        record = Record()
        batches = ShareOfBatches(parts.batches, parts.world.size, block.share)
        train_steps(batches, block.first_step, block.end_step, [*own, record], lambda: False)
        return record.numbers

    def apart(step: int) -> int:
        assert parts.apart
        return parts.apart.train(step, block, shown, together, should_stop)

    def go_back(steps_before: int) -> int:
        step = back_to_checkpoint(parts.checkpoints, parts.held, parts.optimizer, parts.scaler, writer)
        task.advance(parts.batches.num_tokens(step) - parts.batches.num_tokens(steps_before))
        return step

    return train_with_rewinds(apart if parts.apart else all_together, go_back, first_step)


class TrainSteps(Protocol):
    """Has the loop make some steps; returns how many have been made in all."""

    def __call__(
        self, batches: Batches, first_step: int, num_steps: int, observers: list[Observer], should_stop: ShouldStop
    ) -> int: ...


def _training(parts: Parts, inspector: Inspector) -> TrainSteps:
    """The loop over what this rank has."""
    config = parts.config
    held, passes = parts.by_itself
    learning_rate = make_learning_rate(config.schedule, parts.num_steps, parts.companions.plateau)
    finish = partial(
        finish_gradients,
        max_norm=config.max_gradient_norm,
        max_value=config.max_gradient_value,
        regularisation=config.regularisation,
        norm_of=held.norm,
    )

    def train_steps(
        batches: Batches, first_step: int, num_steps: int, observers: list[Observer], should_stop: ShouldStop
    ) -> int:
        return train(
            held=held,
            passes=passes,
            batches=batches,
            optimizer=parts.optimizer,
            learning_rate=learning_rate,
            finish_gradients=finish,
            num_steps=num_steps,
            observers=observers,
            should_stop=should_stop,
            first_step=first_step,
            scaler=parts.scaler,
            inspect=inspector.may_move,
        )

    return train_steps


def _inspector(parts: Parts, writer: MetricsWriter | None) -> Inspector:
    held, passes = parts.by_itself
    decode = decoder_of(parts.context.input("model").path, parts.whole)
    names = list(trained_by_name(parts.whole))
    return parts.health.inspector(held, names, passes, parts.checkpoints, writer, decode)


def _shown_by_the_first(parts: Parts, writer: MetricsWriter | None) -> list[Observer]:
    found: list[Observer] = []
    if writer:
        roof = matrix_roof(compute_dtype(parts.config.precision))
        found.append(WriteMetrics(writer, Utilisation(parts.whole, roof and roof * parts.world.size)))
        found.append(WatchSystem(SystemSampler(num_usable_cores()), writer))
    if parts.world.size > 1 and parts.world.is_first:
        found.append(Stragglers(parts.context.reporter))
    return found


def _done_together(parts: Parts, writer: MetricsWriter | None) -> list[SeesAll]:
    """Validation, and checkpoints last."""
    found: list[SeesAll] = []
    every = parts.config.validate_every_steps
    if len(parts.held_out) and every:
        measure = partial(parts.passes.mean_loss, parts.held_out)
        shown, listeners = parts.companions.shown, parts.companions.listeners
        found.append(Validate(measure, every, parts.num_steps, writer, shown, listeners))
    return [*found, SaveCheckpoints(parts.checkpoints, parts.held, parts.optimizer, parts.num_steps)]
