"""Going on from the newest checkpoint after a step that went wrong."""

from __future__ import annotations

from collections.abc import Callable

import torch

from danlu.errors import UserError
from danlu.telemetry.metrics import MetricsWriter
from danlu.training.checkpoint import Checkpoints
from danlu.training.health.guard import Rewind
from danlu.training.held import Held


def train_with_rewinds(train_from: Callable[[int], int], go_back: Callable[[int], int], first_step: int) -> int:
    """Train, going back whenever the guard asks for it.

    Args:
        train_from: Trains from a step on (0-based); returns how many steps have been made in all.
        go_back: Brings back the newest checkpoint, given how many steps had been made; returns how many there are then,
            0 if there is none.
        first_step: To begin with.

    Raises:
        UserError: no checkpoint is good.
    """
    while True:
        try:
            return train_from(first_step)
        except Rewind as rewind:
            first_step = go_back(rewind.step - 1)
            if first_step == 0:
                raise UserError(
                    f"Training cannot go back from step {rewind.step}: no checkpoint is whole with finite weights.",
                    "Run again to begin anew without that batch, or set health.on_non_finite: skip.",
                ) from None


def back_to_checkpoint(
    checkpoints: Checkpoints,
    held: Held,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    writer: MetricsWriter | None,
) -> int:
    """Bring the newest good checkpoint back, and take back what was written down since; returns its step, or 0.

    All ranks call this together.
    """
    checkpoints.finish()
    optimizer.zero_grad()
    scaler.update()  # it has looked at gradients that will not be used
    first_step = checkpoints.restore(held, optimizer)
    if writer is not None:
        writer.take_back(first_step + 1)
    return first_step
