"""The batch of a step, as a pure function of (rows, step).

A step takes the rows of an endless sequence (see `danlu.training.rows`) that come after those of the step before it, so
a batch may straddle two epochs. Nothing has to be remembered to resume, and how many rows go through the model at once
changes nothing about which rows belong to the step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from danlu.models.attention import DocumentLayout
from danlu.models.end_to_end import EndToEnd
from danlu.training.rows.row import Row, Rows, Workload
from danlu.training.rows.stairs import Stairs


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
    """(supervised,) int64: places whose hidden state predicts a supervised token: the one after it, or, of an encoder,
    the hidden one."""
    targets: torch.Tensor
    """(supervised,) int64: those supervised tokens."""
    segments: torch.Tensor | None = None
    """(1, num_tokens + filling) int64: 0 in the first segment of a pair, 1 in the second."""
    firsts: torch.Tensor | None = None
    """(num_documents,) int64: places of the documents' first tokens, which stand for the documents, if these have
    labels."""
    labels: torch.Tensor | None = None
    """(num_documents,) int64: the documents' classes."""
    seed: int = 0
    """Of what is drawn in the passes over it, dropout for one."""
    label_weight: float = 1.0
    """What the loss of a label counts, so that after the division by the targets of the whole batch the mean over
    labels is added to the mean over tokens."""

    @property
    def num_targets(self) -> int:
        """Supervised tokens; labels where nothing else is predicted."""
        return len(self.targets) or self.num_labels

    @property
    def num_labels(self) -> int:
        return 0 if self.labels is None else len(self.labels)


class MicroBatches(Protocol):
    """A number of micro-batches, which need not exist before they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> MicroBatch: ...


@dataclass(frozen=True)
class Batch:
    """What one optimizer step sees."""

    step: int
    micro_batches: list[MicroBatch]
    num_targets: int
    """Supervised tokens in the whole batch: the loss and its gradient are divided by this, once."""
    num_tokens: int


class Batches(Protocol):
    """The batches of a training."""

    def at(self, step: int) -> Batch:
        """The batch of `step` (0-based)."""
        ...

    def names(self, step: int) -> str:
        """What to call the rows of `step` when something is wrong with them."""
        ...


class BatchStream:
    """Batches of rows, in any order asked for.

    Args:
        rows: What to draw from.
        rows_per_batch: Rows of one optimizer step, the same in all or by step.
        rows_at_once: Rows of one micro-batch.
        device: Where the tensors are made.
        seed: Of what is drawn in the passes.
    """

    def __init__(
        self, rows: Rows, *, rows_per_batch: int | Stairs, rows_at_once: int, device: str = "cpu", seed: int = 0
    ) -> None:
        self.rows = rows
        self.rows_per_batch = rows_per_batch if isinstance(rows_per_batch, Stairs) else Stairs.level(rows_per_batch)
        self.rows_at_once = rows_at_once
        self.device = device
        self.seed = seed

    def at(self, step: int) -> Batch:
        """The batch of `step` (0-based)."""
        rows = [self.rows.row(int(place)) for place in self.places(step)]
        weight = label_weight(rows)
        starts = range(0, len(rows), self.rows_at_once)
        seeds = np.random.SeedSequence([self.seed % 2**64, step]).generate_state(len(starts))
        micro_batches = [
            micro_batch(rows[start : start + self.rows_at_once], self.device, weight, int(seed))
            for start, seed in zip(starts, seeds, strict=True)
        ]
        return Batch(
            step=step,
            micro_batches=micro_batches,
            num_targets=sum(micro.num_targets for micro in micro_batches),
            num_tokens=sum(micro.num_tokens for micro in micro_batches),
        )

    def places(self, step: int) -> npt.NDArray[np.int64]:
        """(rows of the step,): which rows of the endless sequence `step` sees."""
        return np.arange(self.num_rows(step), self.num_rows(step + 1))

    def names(self, step: int) -> str:
        """What to call the rows of `step` when something is wrong with them."""
        return self.rows.names(self.places(step))

    def num_rows(self, num_steps: int) -> int:
        """Rows that the first `num_steps` steps read."""
        return self.rows_per_batch.before(num_steps)

    def num_tokens(self, num_steps: int) -> int:
        """Real tokens that the first `num_steps` steps read."""
        return self.rows.num_tokens(self.num_rows(num_steps))

    def workload(self, num_steps: int) -> Workload:
        """Of the first `num_steps` steps."""
        return self.rows.workload(self.num_rows(num_steps))


def label_weight(rows: Iterable[Row]) -> float:
    """What the loss of a label counts beside those of tokens, where some rows are divided by their targets together."""
    num_supervised = num_labels = 0
    for row in rows:
        num_supervised += int(row.supervised.sum())
        num_labels += 0 if row.labels is None else len(row.labels)
    return num_supervised / num_labels if num_supervised and num_labels else 1.0


def micro_batch(rows: Sequence[Row], device: str = "cpu", label_weight: float = 1.0, seed: int = 0) -> MicroBatch:
    """Lay some rows end to end."""
    input_ids = np.concatenate([row.input_ids for row in rows])
    hidden = _together([row.seen for row in rows])
    seen = input_ids if hidden is None else hidden
    segments, labels = _together([row.segments for row in rows]), _together([row.labels for row in rows])
    supervised = np.concatenate([row.supervised for row in rows])
    row_lengths = {len(row.input_ids) for row in rows}
    laid = EndToEnd(
        np.concatenate([row.document_lengths for row in rows]),
        row_length=row_lengths.pop() if len(row_lengths) == 1 else None,
    )
    target_places = np.flatnonzero(supervised)
    return MicroBatch(
        num_tokens=laid.num_tokens,
        input_ids=torch.from_numpy(laid.fill(seen)[None]).to(device),
        position_ids=torch.from_numpy(laid.position_ids[None]).to(device),
        documents=laid.documents,
        # A hidden token is predicted in its own place, any other from the place before it.
        predicting=torch.from_numpy(target_places - (hidden is None)).to(device),
        targets=torch.from_numpy(input_ids[target_places]).to(device),
        segments=None if segments is None else torch.from_numpy(laid.fill(segments)[None]).to(device),
        firsts=None if labels is None else torch.from_numpy(laid.firsts).to(device),
        labels=None if labels is None else torch.from_numpy(labels).to(device),
        seed=seed,
        label_weight=label_weight,
    )


def _together(parts: Sequence[npt.NDArray[np.int64] | None]) -> npt.NDArray[np.int64] | None:
    """End to end; None where rows do not have it, which is all of them or none."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None
