"""``sft`` and ``language_model``: each supervised token from those before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.models.compiling import is_made_for_compiling, layout_arguments
from danlu.models.head import Head, hidden_states, linear_cross_entropy
from danlu.training.batches import MicroBatch
from danlu.training.objectives.objective import RowSettings
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.packed import PackedRows


def supervised_cross_entropy(model: Any, batch: MicroBatch, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy of the supervised tokens: the assistant's words and its end of turn.

    As dropout does, label smoothing holds for a model in train mode only.
    """
    layout = layout_arguments(model, batch.documents, batch.targets.device)
    hidden_BTD = hidden_states(model, input_ids=batch.input_ids, position_ids=batch.position_ids, **layout)
    return cross_entropy_of_hidden(model, hidden_BTD, batch, label_smoothing=label_smoothing)


def cross_entropy_of_hidden(
    model: Any, hidden_BTD: torch.Tensor, batch: MicroBatch, *, label_smoothing: float = 0.0
) -> torch.Tensor:
    """The same from the last hidden states."""
    smoothing = label_smoothing if model.training else 0.0
    return linear_cross_entropy(
        hidden_BTD[0, batch.predicting],
        Head.of(model),
        batch.targets,
        smoothing,
        is_compiled=is_made_for_compiling(model),
    )


def answers(store: TokenStore) -> TokenStore:
    """With the tokens supervised that the assistant says."""
    if store.supervised is None:
        raise UserError(
            "objective: 'sft' learns the assistant's turns of conversations, and a corpus has none.",
            "Set 'objective: language_model' to learn every token.",
        )
    return store


def every_token(store: TokenStore) -> TokenStore:
    """With all tokens supervised but the first of each document."""
    return replace(store, supervised=None)


def packed_or_contiguous(store: TokenStore, how: RowSettings) -> PackedRows | ContiguousRows:
    """The rows that examples were packed into, or rows of one length cut out of the documents of a corpus."""
    if store.row_offsets is not None:
        return PackedRows(store, how.seed, how.order)
    isolated = how.config.isolate_documents
    return ContiguousRows(store, how.length, how.seed, isolate_documents=isolated, order=how.order)
