"""Which share of what this machine could do a step made of it (model FLOPs utilisation, Chowdhery et al. 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np

from danlu.models.flops import TrainingFlops
from danlu.models.tasks import is_encoder
from danlu.training.batches import Batch, MicroBatch


class Utilisation:
    """Of steps over one model.

    Args:
        model: That is trained.
        roof: Floating point operations per second that this process could do; None if that is not known.
    """

    def __init__(self, model: Any, roof: float | None) -> None:
        self._flops = TrainingFlops.of(model)
        self._is_causal = not is_encoder(model.config.to_dict())
        self._roof = roof

    def metrics(self, batch: Batch, seconds: float) -> dict[str, float]:
        """``train/mfu`` of a step; nothing where the roof is not known."""
        return {"train/mfu": self.flops(batch) / seconds / self._roof} if self._roof else {}

    def flops(self, batch: Batch) -> float:
        """That the model's formula asks for."""
        num_targets = sum(len(micro.targets) for micro in batch.micro_batches)
        num_labels = sum(micro.num_labels for micro in batch.micro_batches)
        num_pairs = sum(num_pairs_of(micro, is_causal=self._is_causal) for micro in batch.micro_batches)
        return self._flops.total(batch.num_tokens, num_targets, num_pairs, num_labels)


def num_pairs_of(micro: MicroBatch, *, is_causal: bool) -> int:
    """How many pairs of a token and one it sees there are. What fills up, a document behind the others, has none."""
    lengths = np.asarray(micro.documents.lengths, np.int64)
    lengths = lengths[np.cumsum(lengths) <= micro.num_tokens]
    return int((lengths * (lengths + 1) // 2 if is_causal else lengths**2).sum())
