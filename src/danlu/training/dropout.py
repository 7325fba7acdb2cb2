"""Dropout inside the model, which each architecture names in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from danlu.errors import UserError
from danlu.models.probe import config_from

FIELDS = (
    "activation_dropout",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_pdrop",
    "dropout",
    "dropout_p",
    "emb_pdrop",
    "embd_pdrop",
    "embed_dropout",
    "embedding_dropout",
    "hidden_dropout",
    "hidden_dropout_prob",
    "mlp_dropout",
    "resid_dropout",
    "resid_pdrop",
    "residual_dropout",
)
"""What transformers' configs of causal language models call it. Dropout of whole layers and of classifiers is another
matter."""


def dropout_fields(config: Any) -> dict[str, float]:
    """The probabilities in a transformers config."""
    values = {field: getattr(config.get_text_config(), field, None) for field in FIELDS}
    return {field: float(value) for field, value in values.items() if isinstance(value, int | float)}


def dropout_changes(config: Mapping[str, Any], probability: float | None) -> dict[str, Any]:
    """What a probability for each of its dropouts changes in the content of a ``config.json``; nothing for None.

    Raises:
        UserError: the architecture drops nothing.
    """
    if probability is None:
        return {}
    fields = dict.fromkeys(dropout_fields(config_from(config)), probability)
    if not fields:
        raise UserError(
            f"Models of type {config['model_type']!r} have no dropout for regularisation.dropout: {probability:g} to"
            " set.",
            "Leave it out, or train with an adapter, which has a dropout of its own.",
        )
    text = config.get("text_config")
    return {"text_config": {**text, **fields}} if text else fields


def draws_random_numbers(model: Any) -> bool:
    """Whether a forward pass in train mode drops anything."""
    config = getattr(model, "config", None)
    return any(dropout_fields(config).values() if config else ()) or any(
        isinstance(module, torch.nn.Dropout) and module.p > 0 for module in model.modules()
    )
