"""``classification``: which class a document belongs to, from what the model makes of its first token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.models.encoder import class_logits, encoder_states, pooled
from danlu.models.tasks import with_classes
from danlu.training.batches import MicroBatch
from danlu.training.objectives.objective import RowSettings
from danlu.training.rows.documents import DocumentRows

LABEL_HINT = "Name a column or patterns of files with 'label' in the clean stage (into: corpus)."


def class_cross_entropy(model: Any, batch: MicroBatch, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy of the documents' classes. Label smoothing holds for a model in train mode only."""
    hidden_TD = encoder_states(
        model, input_ids=batch.input_ids, position_ids=batch.position_ids, documents=batch.documents
    )
    assert batch.labels is not None
    return torch.nn.functional.cross_entropy(
        class_logits(model, pooled(model, hidden_TD[batch.firsts])),
        batch.labels,
        reduction="sum",
        label_smoothing=label_smoothing if model.training else 0.0,
    )


def documents_with_labels(store: TokenStore) -> TokenStore:
    if store.labels is None and store.num_documents:
        raise UserError("objective: 'classification' learns classes, and the documents have none.", LABEL_HINT)
    return store


def whole_documents(store: TokenStore, how: RowSettings) -> DocumentRows:
    return DocumentRows(store, how.length, how.seed, how.order)


def classes(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The classes by name."""
    if not facts.get("labels"):
        raise UserError("objective: 'classification' learns classes, and the data has none.", LABEL_HINT)
    return with_classes(facts["labels"])
