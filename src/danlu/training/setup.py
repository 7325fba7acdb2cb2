"""From settings to a model that is ready to train."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.hardware.threads import Workers, workers_of_one_thread
from danlu.models.adapters import add_lora
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention, supports_document_attention
from danlu.models.load import is_adapter, load_causal_lm
from danlu.models.precision import compute_dtype
from danlu.models.probe import config_from, shallow_model
from danlu.training.batches import MicroBatch
from danlu.training.config import TrainConfig
from danlu.training.dropout import dropout_fields, with_dropout
from danlu.training.freezing import freeze
from danlu.training.objective import OBJECTIVES, Objective
from danlu.training.rows import Rows


def attention_for(config: Any, rows: Rows, rows_at_once: int) -> str | None:
    """The attention implementation for these rows; None for transformers' best, where they keep apart by themselves.

    Raises:
        UserError: rows hold several documents, or go through the model together, and it cannot keep them apart.
    """
    if supports_document_attention(config):
        register_document_attention()
        return DOCUMENT_ATTENTION
    if rows_at_once > 1 or rows.share_documents:
        raise UserError(
            f"Models of type {config.model_type!r} cannot keep packed documents apart.",
            "Set `packing: none` in the tokenize stage (`isolate_documents: false` in the train stage for a corpus)"
            " and `batch.rows_at_once: 1` in the train stage.",
        )
    return None


def load_trainable(directory: Path, settings: TrainConfig, attention: str | None) -> Any:
    """Load the model to start from and make ready what is trained."""
    if is_adapter(directory):
        raise UserError(
            f"The train stage's model {directory} is an adapter.",
            "Train on its base, or export the adapter merged (format hf) and import that.",
        )
    config = None
    if settings.regularisation.dropout is not None:
        stored = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        config = with_dropout(config_from(stored), settings.regularisation.dropout)
    model = load_causal_lm(directory, dtype=weight_dtype(settings), attention=attention, config=config)
    return freeze(make_trainable(model, settings), settings.freeze)


def make_trainable(model: Any, settings: TrainConfig) -> Any:
    """Put on the adapter, if there is to be one."""
    if settings.adapter is None:
        return model
    return add_lora(
        model,
        rank=settings.adapter.rank,
        alpha=settings.adapter.effective_alpha,
        dropout=settings.adapter.dropout,
        targets=settings.adapter.targets,
        seed=settings.seed,
    )


def shallow_trainable(config: dict[str, Any], settings: TrainConfig, attention: str | None, num_layers: int) -> Any:
    """The same as `load_trainable` with random weights and few layers, to measure its cost.

    Nothing is frozen by its name, since a name may hold the number of a layer that is not there.
    """
    changed = with_dropout(config_from(config), settings.regularisation.dropout)
    model = shallow_model(changed, num_layers, dtype=weight_dtype(settings), attention=attention)
    return make_trainable(model.to(default_device()), settings)


def weightless_trainable(config: dict[str, Any], settings: TrainConfig) -> Any:
    """The same as `load_trainable` with every name and shape and no weights, which takes no memory."""
    whole = config_from(config)
    with torch.device("meta"):
        model = shallow_model(whole, whole.num_hidden_layers, dtype=weight_dtype(settings), attention=None)
        return freeze(make_trainable(model, settings), settings.freeze)


def weight_dtype(settings: TrainConfig) -> torch.dtype:
    """Frozen weights are kept in the compute dtype; weights that are trained stay float32."""
    return compute_dtype(settings.precision) if settings.adapter else torch.float32


def objective_for(settings: TrainConfig) -> Objective:
    """The objective, run in the compute dtype."""
    objective = partial(OBJECTIVES[settings.objective], label_smoothing=settings.regularisation.label_smoothing)
    dtype = compute_dtype(settings.precision)

    def in_precision(model: Any, batch: MicroBatch) -> torch.Tensor:
        with _autocast(dtype, needed=weight_dtype(settings) != dtype):
            return objective(model, batch)

    return in_precision


@contextmanager
def micro_batch_workers(model: Any) -> Iterator[Workers | None]:
    """Workers that take micro-batches side by side, each on a core of its own; None where that cannot be exact.

    Dropout draws from one random state, and with several workers the order of the draws would be anyone's guess.
    """
    if default_device() == "cuda" or draws_random_numbers(model):
        yield None
        return
    with workers_of_one_thread() as pool:
        yield pool


def draws_random_numbers(model: Any) -> bool:
    """Whether a forward pass in train mode drops anything."""
    return any(dropout_fields(model.config).values()) or any(
        isinstance(module, torch.nn.Dropout) and module.p > 0 for module in model.modules()
    )


def _autocast(dtype: torch.dtype, *, needed: bool) -> AbstractContextManager[Any]:
    """Products in `dtype` over weights of another; nothing where weights have it already."""
    return torch.autocast(default_device(), dtype=dtype) if needed else nullcontext()
