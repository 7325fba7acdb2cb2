"""The batch of a step, as a pure function of (rows, seed, step).

Epochs follow each other without a seam: step k takes the rows at places k*B to (k+1)*B of the endless sequence "epoch 0
shuffled, epoch 1 shuffled, ...", so a batch may straddle two epochs. Nothing has to be remembered to resume, and how
many rows go through the model at once changes nothing about which rows belong to the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from danlu.artifacts.tokens import PackedRows
from danlu.models.attention import DocumentLayout
from danlu.models.shapes import filling


@dataclass(frozen=True)
class MicroBatch:
    """Rows that go through the model together, as one flat sequence, filled up as `danlu.models.shapes` says."""

    num_tokens: int
    """Of the rows; what fills up is not counted."""
    input_ids: torch.Tensor
    """(1, num_tokens + filling) int64."""
    position_ids: torch.Tensor
    """(1, num_tokens + filling) int64; starts again at 0 with each document."""
    documents: DocumentLayout
    predicting: torch.Tensor
    """(num_targets,) int64: places whose hidden state predicts a supervised token, which is the one after it."""
    targets: torch.Tensor
    """(num_targets,) int64: those supervised tokens."""

    @property
    def num_targets(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Batch:
    """What one optimizer step sees."""

    step: int
    row_indices: npt.NDArray[np.int64]
    micro_batches: list[MicroBatch]
    num_targets: int
    """Supervised tokens in the whole batch: the loss and its gradient are divided by this, once."""
    num_tokens: int


class BatchStream:
    """Batches of packed rows, in any order asked for.

    Args:
        rows: What to draw from.
        rows_per_batch: Rows of one optimizer step.
        rows_at_once: Rows of one micro-batch.
        seed: Of the shuffles.
        device: Where the tensors are made.
    """

    def __init__(
        self, rows: PackedRows, *, rows_per_batch: int, rows_at_once: int, seed: int, device: str = "cpu"
    ) -> None:
        self.rows = rows
        self.rows_per_batch = rows_per_batch
        self.rows_at_once = rows_at_once
        self.seed = seed
        self.device = device
        self._epoch_order = lru_cache(maxsize=2)(self._shuffle)

    def at(self, step: int) -> Batch:
        """The batch of `step` (0-based)."""
        indices = self.row_indices(step)
        micro_batches = [
            micro_batch(self.rows, indices[start : start + self.rows_at_once], self.device)
            for start in range(0, len(indices), self.rows_at_once)
        ]
        return Batch(
            step=step,
            row_indices=indices,
            micro_batches=micro_batches,
            num_targets=sum(micro.num_targets for micro in micro_batches),
            num_tokens=sum(micro.num_tokens for micro in micro_batches),
        )

    def row_indices(self, step: int) -> npt.NDArray[np.int64]:
        """(rows_per_batch,): which rows `step` sees."""
        places = np.arange(step * self.rows_per_batch, (step + 1) * self.rows_per_batch)
        epochs, offsets = np.divmod(places, self.rows.num_rows)
        return np.concatenate([self._epoch_order(int(epoch))[offsets[epochs == epoch]] for epoch in np.unique(epochs)])

    def num_steps_for_tokens(self, tokens: int) -> int:
        """Fewest steps after which at least `tokens` real tokens have been read."""
        row_tokens = np.diff(self.rows.row_offsets)
        steps = read = 0
        while read < tokens:
            read += int(row_tokens[self.row_indices(steps)].sum())
            steps += 1
        return steps

    def _shuffle(self, epoch: int) -> npt.NDArray[np.int64]:
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, epoch])))
        return generator.permutation(self.rows.num_rows)


def micro_batch(rows: PackedRows, indices: npt.NDArray[np.int64], device: str = "cpu") -> MicroBatch:
    """Lay some rows end to end."""
    chosen = [rows.row(int(index)) for index in indices]
    input_ids = np.concatenate([row.input_ids for row in chosen]).astype(np.int64)
    supervised = np.concatenate([row.supervised for row in chosen])
    lengths = np.concatenate([row.document_lengths for row in chosen])
    num_tokens = len(input_ids)
    if num_filled := filling(num_tokens):
        input_ids = np.pad(input_ids, (0, num_filled))
        lengths = np.append(lengths, num_filled)
    starts = np.cumsum(lengths) - lengths
    position_ids = np.arange(len(input_ids)) - np.repeat(starts, lengths)
    target_places = np.flatnonzero(supervised)
    return MicroBatch(
        num_tokens=num_tokens,
        input_ids=torch.from_numpy(input_ids[None]).to(device),
        position_ids=torch.from_numpy(position_ids[None]).to(device),
        documents=DocumentLayout(tuple(int(length) for length in lengths)),
        predicting=torch.from_numpy(target_places - 1).to(device),
        targets=torch.from_numpy(input_ids[target_places]).to(device),
    )
