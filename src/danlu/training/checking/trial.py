"""One short training, through the very loop that a run goes through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from danlu.telemetry.metrics import MetricsWriter
from danlu.training.checking.difference import Trial
from danlu.training.checking.quietly import quietly
from danlu.training.checking.subject import Subject, Variant
from danlu.training.companions import Companions
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.gradients import finisher
from danlu.training.held import hold
from danlu.training.loop import Observer, StepReport, train
from danlu.training.observers import Validate
from danlu.training.optimizer import make_optimizer
from danlu.training.schedule import make_learning_rate
from danlu.training.settings import BatchSettings, CheckpointSettings
from danlu.training.setup import load_trainable, make_passes, make_scaler, micro_batch_workers

DISTURBANCE = torch.finfo(torch.float32).eps
"""Relative, of each weight."""


class _Watch:
    """Observer that keeps the losses and says how far a training is; it also keeps two gradients."""

    def __init__(self, subject: Subject, variant: Variant) -> None:
        self.losses: list[float] = []
        self.first_gradient = self.last_gradient = torch.zeros(0)
        self._subject = subject
        self._name = variant.name

    def after_step(self, report: StepReport) -> None:
        self.losses.append(report.loss)
        self._subject.task.advance(0, note=f"{self._name}: step {report.step}, loss {report.loss:.3f}")

    def finish(self, trained: Sequence[torch.Tensor], *, config: TrainConfig) -> float:
        """What `finish_gradients` does, with a look at them before."""
        self.last_gradient = _flat([parameter.grad for parameter in trained if parameter.grad is not None])
        if not self.losses:
            self.first_gradient = self.last_gradient
        return finisher(config)(trained)


def make_trial(subject: Subject, variant: Variant) -> Trial:
    """Train the subject in one way."""
    config = _config(subject, variant)
    num_steps = variant.num_steps or subject.num_steps
    data = replace(subject.data, config=config)
    model = _load(subject, data, variant)
    held = hold(model)
    optimizer = make_optimizer(model, config.optimizer)
    companions = Companions.of(config, held.tensors, optimizer)
    scaler = make_scaler(config)
    objective = subject.ways.objective(config)
    watch = _Watch(subject, variant)
    with ExitStack() as stack:
        directory = variant.checkpoints or stack.enter_context(TemporaryDirectory(dir=subject.scratch))
        checkpoints = stack.enter_context(
            subject.ways.checkpoints(
                Path(directory),
                Path(directory) / "kept",
                CheckpointSettings(every_seconds=math.inf),
                fingerprint=subject.data.fingerprint,
                reporter=subject.context.reporter,
                companions=companions.stateful | ({"loss_scale": scaler} if scaler.is_enabled() else {}),
            )
        )
        pool = stack.enter_context(micro_batch_workers(model))
        chosen = variant.objective(objective) if variant.objective else objective
        passes = make_passes(model, config, pool, objective=chosen)
        first_step = checkpoints.restore(held, optimizer)
        observers: list[Observer] = [*companions.observers, watch]
        if companions.listeners and config.validate_every_steps:
            writer = stack.enter_context(closing(MetricsWriter(Path(directory), first_step + 1)))
            measure = partial(passes.mean_loss, data.held_out())
            every = config.validate_every_steps
            observers.append(Validate(measure, every, num_steps, writer, companions.shown, companions.listeners))
        steps_made = train(
            held=held,
            passes=passes,
            batches=data.full_size(),
            optimizer=optimizer,
            learning_rate=make_learning_rate(config.schedule, num_steps, companions.plateau),
            finish_gradients=partial(watch.finish, config=config),
            num_steps=num_steps,
            observers=observers,
            should_stop=lambda: first_step + len(watch.losses) == variant.stop_after or companions.should_stop(),
            first_step=first_step,
            scaler=scaler,
        )
        if variant.stop_after:
            checkpoints.save_last(steps_made, held, optimizer)
    with companions.final():
        return Trial(watch.losses, watch.first_gradient, watch.last_gradient, _flat(held.trained))


def _config(subject: Subject, variant: Variant) -> TrainConfig:
    """The subject's settings, with those of the variant."""
    original = subject.original
    changes: dict[str, Any] = {"precision": original.precision} if variant.is_in_own_precision else {}
    if variant.is_as_configured:
        changes |= {"regularisation": original.regularisation, "adapter": original.adapter}
    else:
        rows = variant.rows or subject.num_rows
        changes["batch"] = BatchSettings(rows=rows, rows_at_once=variant.rows_at_once)
    return subject.config.model_copy(update=changes)


def _load(subject: Subject, data: TrainingData, variant: Variant) -> Any:
    config, attention = data.config, None
    if variant.attention != "plain":
        attention = subject.attention(config.batch.rows_at_once, is_compiled=variant.attention == "compiled")
    path, changes = subject.context.input("model").path, {**data.model_changes, **subject.layers}
    with quietly():
        model = load_trainable(path, config, attention, changes)
    if not variant.is_as_configured:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # what the config has no name for, before a classifier for one
    if variant.is_disturbed:
        _disturb(model)
    return model


def _disturb(model: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            signs = 2 * torch.randint(2, parameter.shape, generator=generator) - 1
            parameter.mul_((1 + DISTURBANCE * signs).to(parameter))


def _flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """(numbers of all,) on the CPU, a copy."""
    return torch.cat([tensor.detach().flatten().cpu() for tensor in tensors])
