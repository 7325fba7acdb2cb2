"""What goes along with the optimizer through a run, as far as the settings ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch

from danlu.errors import UserError
from danlu.telemetry.reporter import Reporter
from danlu.training.averages import ExponentialAverage, schedule_free_average
from danlu.training.checkpoint import Stateful
from danlu.training.config import TrainConfig
from danlu.training.early_stopping import EarlyStopping
from danlu.training.loop import Observer
from danlu.training.observers import ValidationListener
from danlu.training.schedules.plateau import Plateau


@dataclass(frozen=True)
class Companions:
    """Each None where it is not asked for."""

    average: ExponentialAverage | None
    plateau: Plateau | None
    stopping: EarlyStopping | None
    shown: Callable[[], AbstractContextManager[None]]
    """Puts the weights in place that are to be validated: the averages where there are any."""

    @classmethod
    def of(
        cls, config: TrainConfig, trained: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
    ) -> Companions:
        """
        Args:
            config: Of the stage.
            trained: The trained weights by name.
            optimizer: That moves them.
        """
        average = ExponentialAverage(trained, config.ema.decay) if config.ema else None
        shown: Callable[[], AbstractContextManager[None]] = average.shown if average else nullcontext
        if config.optimizer.kind == "schedule_free_adamw":
            shown = partial(schedule_free_average, optimizer, list(trained.values()))
        return cls(
            average=average,
            plateau=Plateau(config.plateau) if config.plateau else None,
            stopping=EarlyStopping(config.early_stopping, trained) if config.early_stopping else None,
            shown=shown,
        )

    @property
    def stateful(self) -> dict[str, Stateful]:
        """Those with a state, by name, for checkpoints."""
        named = {"average": self.average, "plateau": self.plateau, "stopping": self.stopping}
        return {name: companion for name, companion in named.items() if companion}

    @property
    def observers(self) -> list[Observer]:
        """Those that see every step."""
        return [self.average] if self.average else []

    @property
    def listeners(self) -> list[ValidationListener]:
        """Those that are told validation losses."""
        return [listener for listener in (self.plateau, self.stopping) if listener]

    def should_stop(self) -> bool:
        return self.stopping is not None and self.stopping.should_stop()

    def say_how_it_ended(self, steps_made: int, num_steps: int, reporter: Reporter) -> None:
        """What early stopping did, if there is any."""
        if self.stopping is None:
            return
        if steps_made < num_steps:
            reporter.say(
                f"Stopped early after step {steps_made} of {num_steps}:"
                f" {self.stopping.num_bad} validations without improvement."
            )
        if self.stopping.best_step:
            reporter.say(f"Saved are the weights of step {self.stopping.best_step}: loss {self.stopping.best:.4f}.")
        else:
            reporter.warn(f"No validation took place within {num_steps} steps; the last weights are saved.")

    def final(self) -> AbstractContextManager[None]:
        """Puts the weights in place that are to be saved: those of the best validation where that was asked for."""
        return self.stopping.shown() if self.stopping and self.stopping.best_step else self.shown()


def check_validation(config: TrainConfig, num_validation_rows: int) -> None:
    """See that there is something to validate on where validation losses are looked at.

    Raises:
        UserError: there is not.
    """
    if num_validation_rows == 0 and (config.early_stopping or config.plateau):
        raise UserError(
            f"{'early_stopping' if config.early_stopping else 'reduce_on_plateau'} looks at validation losses,"
            " and the data has 0 validation rows.",
            "Set a validation share in the clean stage's split, or leave it out.",
        )


def companion_notes(config: TrainConfig) -> list[str]:
    """What a plan says about them, one line each."""
    notes = []
    if config.ema or config.optimizer.kind == "schedule_free_adamw":
        notes.append("an average of the weights is validated and saved")
    if config.early_stopping:
        notes.append(
            f"training stops early after {config.early_stopping.patience} validations without improvement;"
            " the best weights are saved"
        )
    if config.freeze:
        notes.append(f"frozen: {', '.join(config.freeze)}; time and memory of the passes are given as if they were not")
    return notes


def num_copies(config: TrainConfig) -> int:
    """How many times the trained weights are held besides the weights themselves, and saved in checkpoints."""
    return bool(config.ema) + bool(config.early_stopping)


def num_passing_copies(config: TrainConfig) -> int:
    """How many more times they are held for a while."""
    return int(config.optimizer.kind == "schedule_free_adamw")
