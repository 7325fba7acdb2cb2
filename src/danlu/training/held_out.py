"""The rows that are validated on: each once, made when they are looked at, so that they are never all in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from danlu.training.batches import MicroBatch, label_weight, micro_batch
from danlu.training.rows.row import SourceRows


class HeldOut:
    """Micro-batches of one epoch of each source, source after source.

    Args:
        sources: What to read.
        rows_at_once: Rows of one micro-batch.
        device: Where the tensors are made.
    """

    def __init__(self, sources: Sequence[SourceRows], rows_at_once: int, device: str = "cpu") -> None:
        self.device = device
        self._spans = [
            (rows, range(first, min(first + rows_at_once, rows.num_rows)))
            for rows in sources
            for first in range(0, rows.num_rows, rows_at_once)
        ]

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> MicroBatch:
        source, places = self._spans[index]
        rows = [source.row(place) for place in places]
        weight = 1.0 if rows[0].labels is None else self._label_weight
        return micro_batch(rows, self.device, weight)

    @cached_property
    def _label_weight(self) -> float:
        """Over all of them, which are made once more for it."""
        return label_weight(source.row(place) for source, places in self._spans for place in places)
