"""What is minimised. An objective maps a model and a micro-batch to the SUM of its losses over the targets, in nats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from danlu.models.block_attention import tokens_seen
from danlu.models.compiling import is_made_for_compiling
from danlu.models.head import Head, hidden_states, linear_cross_entropy
from danlu.training.batches import MicroBatch

Objective = Callable[[Any, MicroBatch], torch.Tensor]


def supervised_cross_entropy(model: Any, batch: MicroBatch, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy of the supervised tokens: the assistant's words and its end of turn.

    As dropout does, label smoothing holds for a model in train mode only.
    """
    is_compiled = is_made_for_compiling(model)
    layout: dict[str, Any] = {"documents": batch.documents}
    if is_compiled:
        layout = {"seen": tokens_seen(batch.documents, batch.targets.device)}
    hidden_BTD = hidden_states(model, input_ids=batch.input_ids, position_ids=batch.position_ids, **layout)
    smoothing = label_smoothing if model.training else 0.0
    return linear_cross_entropy(
        hidden_BTD[0, batch.predicting], Head.of(model), batch.targets, smoothing, is_compiled=is_compiled
    )


OBJECTIVES: dict[str, Callable[..., torch.Tensor]] = {
    "sft": supervised_cross_entropy,
    "language_model": supervised_cross_entropy,
}
