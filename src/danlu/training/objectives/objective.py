"""What an objective is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from danlu.artifacts.tokens import TokenStore
from danlu.models.tasks import Task
from danlu.training.batches import MicroBatch
from danlu.training.config import TrainConfig
from danlu.training.rows.order import EpochOrder
from danlu.training.rows.row import SourceRows

Objective = Callable[[Any, MicroBatch], torch.Tensor]
"""Maps a model and a micro-batch to the SUM of its losses over the targets, in nats."""

LossOfHidden = Callable[[Any, torch.Tensor, MicroBatch], torch.Tensor]
"""The same from the last hidden states, (1, tokens, hidden), which are the second argument."""


class Loss(Protocol):
    """An `Objective` that label smoothing has still to be told."""

    def __call__(self, model: Any, batch: MicroBatch, *, label_smoothing: float) -> torch.Tensor: ...


@dataclass(frozen=True)
class RowSettings:
    """How the rows of one source are made."""

    config: TrainConfig
    length: int
    """Tokens of a row, at most."""
    seed: int
    """Of shuffles and draws."""
    order: EpochOrder | None
    """Of the documents, or packed rows, of each epoch, instead of a shuffle."""
    tokenizer: Callable[[], Any]
    """That of the model, which may not be made yet."""


@dataclass(frozen=True)
class ObjectiveType:
    """One objective: its loss, and what it asks of the model and of the data."""

    task: Callable[[TrainConfig], Task]
    """What the model is for, that is, which head it has."""
    loss: Loss
    store: Callable[[TokenStore], TokenStore]
    """The tokens of a split, with those supervised that are to be predicted. Raises `UserError` if there are none."""
    rows: Callable[[TokenStore, RowSettings], SourceRows]
    """The endless sequence of rows of one source."""
    config: Callable[[Mapping[str, Any]], dict[str, Any]]
    """What the data's facts put into the model's ``config.json``. Raises `UserError` where they do not do."""
