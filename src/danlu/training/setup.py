"""From settings to a model that is ready to train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from danlu.errors import UserError
from danlu.hardware.determinism import compute_deterministically
from danlu.hardware.machine import default_device
from danlu.hardware.threads import Workers, workers_of_one_thread
from danlu.models.adapters import add_lora
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention, supports_document_attention
from danlu.models.compiling import KEPT_SHARE, compile_layers, is_made_for_compiling, register_compiled_attention
from danlu.models.float8 import require_float8, use_float8
from danlu.models.load import is_adapter, load_for, read_config
from danlu.models.precision import compute_dtype
from danlu.models.probe import config_from, shallow_model
from danlu.telemetry.allocator import freed_memory_kept
from danlu.training.config import TrainConfig
from danlu.training.dropout import draws_random_numbers
from danlu.training.freezing import freeze
from danlu.training.objectives.objective import Objective
from danlu.training.objectives.table import OBJECTIVES, task_for
from danlu.training.passes import Passes
from danlu.training.rows.row import Rows


def attention_for(config: Any, rows: Rows, rows_at_once: int, *, is_compiled: bool = False) -> str | None:
    """The attention implementation for these rows; None for transformers' best, where they keep apart by themselves.

    Raises:
        UserError: rows hold several documents, or go through the model together, and it cannot keep them apart.
    """
    if is_compiled:
        return register_compiled_attention()
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


def load_trainable(
    directory: Path,
    settings: TrainConfig,
    attention: str | None,
    changes: Mapping[str, Any] | None = None,
    *,
    device: str | None = None,
) -> Any:
    """Load the model to start from and make ready what is trained.

    Args:
        directory: Of the model.
        settings: Of the stage.
        attention: Name in transformers' attention interface.
        changes: What data and settings put into the model's config.
        device: Where its weights are put; the default one if not given.
    """
    if is_adapter(directory):
        raise UserError(
            f"The train stage's model {directory} is an adapter.",
            "Train on its base, or export the adapter merged (format hf) and import that.",
        )
    config = config_from({**read_config(directory), **changes}) if changes else None
    task, dtype = task_for(settings), weight_dtype(settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # for a head that the directory lacks
        model = load_for(task, directory, dtype=dtype, attention=attention, config=config, device=device)
    return freeze(make_trainable(model, settings), settings.freeze)


def make_trainable(model: Any, settings: TrainConfig) -> Any:
    """Put on the adapter, if there is to be one."""
    if settings.activation_checkpointing and not is_made_for_compiling(model):  # else the compiler does it
        model.activation_checkpointing_enable({"use_reentrant": False})
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
    task = task_for(settings)
    model = shallow_model(config_from(config), num_layers, dtype=weight_dtype(settings), attention=attention, task=task)
    return make_trainable(model.to(default_device()), settings)


def weightless_trainable(config: dict[str, Any], settings: TrainConfig) -> Any:
    """The same as `load_trainable` with every name and shape and no weights, which takes no memory."""
    whole = config_from(config)
    with torch.device("meta"):
        task = task_for(settings)
        model = shallow_model(whole, whole.num_hidden_layers, dtype=weight_dtype(settings), attention=None, task=task)
        return freeze(make_trainable(model, settings), settings.freeze)


def weight_dtype(settings: TrainConfig) -> torch.dtype:
    """Frozen weights are kept in the compute dtype; weights that are trained stay float32."""
    return compute_dtype(settings.precision) if settings.adapter else torch.float32


def objective_for(settings: TrainConfig) -> Objective:
    """What is minimised, as the settings say."""
    return partial(OBJECTIVES[settings.objective].loss, label_smoothing=settings.regularisation.label_smoothing)


@contextmanager
def passes_over(model: Any, settings: TrainConfig) -> Iterator[Passes]:
    """Passes over a model that is ready to train, while the workers for them last."""
    with micro_batch_workers(model) as pool:
        yield make_passes(model, settings, pool)


def make_passes(
    model: Any,
    settings: TrainConfig,
    pool: Workers | None,
    *others: Callable[[Any], object],
    objective: Objective | None = None,
) -> Passes:
    """Passes over a model that is ready to train, which give the same bits each time.

    Args:
        model: Ready to train.
        settings: Of the stage.
        pool: Takes micro-batches side by side.
        others: What else is to be done to the model that the passes run over.
        objective: What is minimised; as the settings say if it is not given.

    Raises:
        UserError: the settings ask for float8, which this machine does not have.
    """
    compute_deterministically()
    dtype = None if settings.adapter else compute_dtype(settings.precision)
    preparations: list[Callable[[Any], object]] = [*others]
    if settings.precision == "fp8":
        require_float8()
        preparations.append(use_float8)
    if is_made_for_compiling(model):
        kept_share = 0.0 if settings.activation_checkpointing else KEPT_SHARE
        preparations.append(partial(compile_layers, kept_share=kept_share))
    return Passes(model, objective or objective_for(settings), dtype=dtype, preparations=preparations, pool=pool)


def make_scaler(settings: TrainConfig) -> torch.amp.GradScaler:
    """Scales the loss where gradients are float16, else does nothing."""
    return torch.amp.GradScaler(default_device(), enabled=compute_dtype(settings.precision) == torch.float16)


@contextmanager
def micro_batch_workers(model: Any) -> Iterator[Workers | None]:
    """Workers that take micro-batches side by side, each on a core of its own; None where that cannot be exact.

    Dropout draws from one random state, and with several workers the order of the draws would be anyone's guess. What
    one micro-batch frees is kept for the next.
    """
    with freed_memory_kept():
        if default_device() == "cuda" or draws_random_numbers(model):
            yield None
            return
        with workers_of_one_thread() as pool:
            yield pool
