"""The steps of a training that is set up: by one process, by ranks together, or by copies that train apart."""

from __future__ import annotations

from collections.abc import Sequence
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
from danlu.training.batches import BatchStream
from danlu.training.checkpoint import Checkpoints
from danlu.training.companions import Companions
from danlu.training.config import TrainConfig
from danlu.training.gradients import finisher
from danlu.training.health.health import Health, Inspector
from danlu.training.health.pictures import decoder_of
from danlu.training.health.rewind import back_to_checkpoint, train_with_rewinds
from danlu.training.health.utilisation import Utilisation
from danlu.training.health.watch import WatchSystem
from danlu.training.held import Held
from danlu.training.held_out import HeldOut
from danlu.training.loop import AnyPasses, Observer, train
from danlu.training.observers import SaveCheckpoints, ShowProgress, Validate, WriteMetrics
from danlu.training.optimizers.groups import trained_by_name
from danlu.training.parallel.apart import Apart, Together
from danlu.training.parallel.blocks import Block, Numbers, Record, ShareOfBatches
from danlu.training.parallel.joint import JointPasses
from danlu.training.parallel.stragglers import Stragglers
from danlu.training.passes import Passes
from danlu.training.schedule import make_learning_rate


@dataclass(frozen=True)
class Parts:
    """What a training is made of, on this rank."""

    config: TrainConfig
    context: StageContext
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


def make_steps(
    parts: Parts,
    first_step: int,
    writer: MetricsWriter | None,
    task: Task,
    *,
    own: Sequence[Observer],
    shown: Sequence[Observer],
) -> int:
    """Train to the end, or until asked to stop; returns how many steps have been made in all.

    Args:
        parts: Of the training.
        first_step: To begin with (0-based).
        writer: Of metrics; None on all ranks but one.
        task: Shows how far it is.
        own: See what this rank makes by itself.
        shown: See each step as it was on all ranks.
    """
    inspector = _inspector(parts, writer)
    own = [inspector, *parts.companions.observers, *own]
    shown = [ShowProgress(task), *shown, *_shown_by_the_first(parts, writer)]
    together = _done_together(parts, writer)
    train_steps = _training(parts, inspector)

    def should_stop() -> bool:
        return parts.context.stop.requested or parts.companions.should_stop()

    def all_together(step: int) -> int:
        return train_steps(
            batches=parts.batches,
            first_step=step,
            num_steps=parts.num_steps,
            observers=[*own, *shown, *together],
            should_stop=should_stop,
        )

    def block(block: Block) -> Numbers:
        record = Record()
        train_steps(
            batches=ShareOfBatches(parts.batches, parts.held.world.size, block.share),
            first_step=block.first_step,
            num_steps=block.end_step,
            observers=[*own, record],
            should_stop=lambda: False,
        )
        return record.numbers

    def apart(step: int) -> int:
        assert parts.apart
        return parts.apart.train(step, block, shown, together, should_stop)

    def go_back(steps_before: int) -> int:
        step = back_to_checkpoint(parts.checkpoints, parts.held, parts.optimizer, parts.scaler, writer)
        task.advance(parts.batches.num_tokens(step) - parts.batches.num_tokens(steps_before))
        return step

    return train_with_rewinds(apart if parts.apart else all_together, go_back, first_step)


def _training(parts: Parts, inspector: Inspector) -> partial[int]:
    """The loop over what this rank has; to be told which steps of which batches, who sees them and when to stop."""
    held, passes = parts.by_itself
    return partial(
        train,
        held=held,
        passes=passes,
        optimizer=parts.optimizer,
        learning_rate=make_learning_rate(parts.config.schedule, parts.num_steps, parts.companions.plateau),
        finish_gradients=finisher(parts.config, held.norm),
        scaler=parts.scaler,
        inspect=inspector.may_move,
    )


def _inspector(parts: Parts, writer: MetricsWriter | None) -> Inspector:
    held, passes = parts.by_itself
    decode = decoder_of(parts.context.input("model").path, parts.whole)
    names = list(trained_by_name(parts.whole))
    return parts.health.inspector(held, names, passes, parts.checkpoints, writer, decode)


def _shown_by_the_first(parts: Parts, writer: MetricsWriter | None) -> list[Observer]:
    found: list[Observer] = []
    world = parts.held.world
    if writer:
        roof = matrix_roof(compute_dtype(parts.config.precision))
        found.append(WriteMetrics(writer, Utilisation(parts.whole, roof and roof * world.size)))
        found.append(WatchSystem(SystemSampler(num_usable_cores()), writer))
    if world.size > 1 and world.is_first:
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
