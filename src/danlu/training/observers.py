"""What watches a training run: the progress bar and the metrics files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import torch

from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.reporter import Task
from danlu.training.checkpoint import Checkpoints
from danlu.training.health.utilisation import Utilisation
from danlu.training.held import Held
from danlu.training.loop import StepReport


class ShowProgress:
    """Moves a progress bar that counts tokens, with the loss beside it."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def after_step(self, report: StepReport) -> None:
        self.task.advance(report.num_tokens, note=f"loss {report.loss:.3f}")


class WriteMetrics:
    """Writes each step down.

    Args:
        writer: Where.
        utilisation: Says which share of the machine it made use of; left out where it is not given.
    """

    def __init__(self, writer: MetricsWriter, utilisation: Utilisation | None = None) -> None:
        self.writer = writer
        self.utilisation = utilisation

    def after_step(self, report: StepReport) -> None:
        used = self.utilisation.metrics(report.batch, report.seconds) if self.utilisation and report.batch else {}
        self.writer.write(
            report.step,
            {
                "train/loss": report.loss,
                "train/learning_rate": report.learning_rate,
                "train/gradient_norm": report.gradient_norm,
                "train/tokens": report.num_tokens,
                "train/seconds": report.seconds,
                "train/tokens_per_second": report.num_tokens / report.seconds,
                **{f"rank_seconds/{rank}": seconds for rank, seconds in enumerate(report.rank_seconds)},
                "train/data_seconds": report.data_seconds,
                "train/skipped": float(report.is_left_out),
                **used,
            },
        )


class ValidationListener(Protocol):
    """Takes note of validation losses."""

    def after_validation(self, step: int, loss: float) -> None: ...


class Validate:
    """Measures the validation loss now and then, and at the end.

    Args:
        measure: Returns the loss.
        every_steps: How often.
        last_step: Measured, too.
        writer: Writes it down; None on ranks that do not.
        shown: Puts the weights in place that are validated.
        listeners: Are told of it while those weights are in place.
    """

    def __init__(
        self,
        measure: Callable[[], float],
        every_steps: int,
        last_step: int,
        writer: MetricsWriter | None,
        shown: Callable[[], AbstractContextManager[None]],
        listeners: list[ValidationListener],
    ) -> None:
        self.measure = measure
        self.every_steps = every_steps
        self.last_step = last_step
        self.writer = writer
        self.shown = shown
        self.listeners = listeners

    def after_step(self, report: StepReport) -> None:
        self.at(report.step)

    def is_due(self, step: int) -> bool:
        """Whether it is measured after so many steps."""
        return step % self.every_steps == 0 or step == self.last_step

    def at(self, step: int) -> None:
        """So many steps have been made."""
        if not self.is_due(step):
            return
        with self.shown():
            loss = self.measure()
            for listener in self.listeners:
                listener.after_validation(step, loss)
        if self.writer:
            self.writer.write(step, {"validation/loss": loss})


class SaveCheckpoints:
    """Has the state saved when that is due. To be the last that sees a step.

    Args:
        checkpoints: Say when.
        held: What is trained.
        optimizer: That moves it.
        last_step: Of the training, after which the result itself is saved.
    """

    def __init__(self, checkpoints: Checkpoints, held: Held, optimizer: torch.optim.Optimizer, last_step: int) -> None:
        self._checkpoints = checkpoints
        self._held = held
        self._optimizer = optimizer
        self._last_step = last_step

    def after_step(self, report: StepReport) -> None:
        self.at(report.step)

    def at(self, step: int) -> None:
        """So many steps have been made."""
        if self._checkpoints.due(step) and step < self._last_step:
            self._checkpoints.save(step, self._held, self._optimizer)

    def is_due(self, step: int) -> bool:
        """Whether this rank would save after so many steps."""
        return self._checkpoints.is_due_here(step)


class Throughput:
    """Adds up what this process has trained; a resumed run counts only its own part."""

    def __init__(self) -> None:
        self.num_tokens = 0
        self.seconds = 0.0
        self.last_loss = float("nan")

    def after_step(self, report: StepReport) -> None:
        self.num_tokens += report.num_tokens
        self.seconds += report.seconds
        self.last_loss = report.loss

    @property
    def tokens_per_second(self) -> float:
        return self.num_tokens / self.seconds if self.seconds else 0.0
