"""The rows that are validated on: each once, made when they are looked at, so that they are never all in memory."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.training.batches import MicroBatch, micro_batch
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.packed import PackedRows


class HeldOut:
    """Micro-batches of one epoch of each source, source after source.

    Args:
        sources: What to read.
        rows_at_once: Rows of one micro-batch.
        device: Where the tensors are made.
    """

    def __init__(self, sources: Sequence[PackedRows | ContiguousRows], rows_at_once: int, device: str = "cpu") -> None:
        self.device = device
        self._spans = [
            (rows, range(first, min(first + rows_at_once, rows.num_rows)))
            for rows in sources
            for first in range(0, rows.num_rows, rows_at_once)
        ]

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> MicroBatch:
        rows, places = self._spans[index]
        return micro_batch([rows.row(place) for place in places], self.device)
