"""Whether a training run is worth compiling."""

from __future__ import annotations

from typing import Any

from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.models.attention import supports_document_attention, why_scores_are_bent
from danlu.models.compiling import why_no_compiler
from danlu.models.flash_attention import why_not_flash
from danlu.models.flops import TrainingFlops
from danlu.models.precision import compute_dtype
from danlu.models.probe import config_from
from danlu.models.shapes import MULTIPLE_TOKENS
from danlu.models.tasks import is_encoder
from danlu.training.budget import flops_of, steps_of
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.dropout import dropout_fields
from danlu.training.setup import attention_for, weightless_trainable

COMPILED_OBJECTIVES = ("language_model", "masked_language_model")
WORTH_FLOPS = {"cpu": 5e13, "cuda": 1e16}
"""By device. Two cores take some minutes for so many, as a GPU would not compiled; compiling takes half a minute."""
WORTH_MINUTES = 3.0


def choose_attention(settings: TrainConfig, data: TrainingData) -> str | None:
    """The attention implementation that training takes, as `attention_for` gives it; the compiled one if that pays."""
    config = config_from(data.model_config)
    flops = TrainingFlops.of(weightless_trainable(data.model_config, settings))
    return attention_for(
        config,
        data.full_size().rows,
        settings.batch.rows_at_once,
        is_compiled=why_not_compiled(settings, config, data, flops) is None,
    )


def why_not_compiled(settings: TrainConfig, config: Any, data: TrainingData, flops: TrainingFlops) -> str | None:
    """Why layers are not compiled; None if they are. A function of settings, model and data alone, so that a resumed
    run decides the same.

    Args:
        settings: Of the stage.
        config: The transformers config of the model.
        data: What is read.
        flops: What a step asks for.

    Raises:
        UserError: the settings ask for it, and it cannot be done.
    """
    if settings.compile is False:
        return "compile is false"
    reason = _why_not(settings, config, data)
    if reason and settings.compile is True:
        raise UserError(f"compile: true cannot be done: {reason}.", "Leave compile out, or set it to false.")
    if reason is None and settings.compile == "auto" and not _is_worth_it(settings, data, flops):
        return "the budget is too small for compiling to pay"
    return reason


def _why_not(settings: TrainConfig, config: Any, data: TrainingData) -> str | None:
    if settings.adapter is not None or settings.objective not in COMPILED_OBJECTIVES:
        return f"only training of every weight on a corpus (objective: {' or '.join(COMPILED_OBJECTIVES)}) is compiled"
    if not settings.parallel.is_data_only:
        return f"with {settings.parallel.describe()} layers are not compiled; with data alone they are"
    if not data.has_one_length or data.length % MULTIPLE_TOKENS:
        return f"rows must have one length, a multiple of {MULTIPLE_TOKENS} tokens"
    if any(dropout_fields(config).values()):
        return "dropout is not compiled"
    if not supports_document_attention(config):
        return f"models of type {config.model_type!r} bring their own attention"
    on_gpu = default_device() == "cuda"
    if on_gpu and is_encoder(config.to_dict()):
        return "encoders are compiled on CPUs only"
    return (
        why_scores_are_bent(config)
        or (why_not_flash(config, compute_dtype(settings.precision)) if on_gpu else None)
        or why_no_compiler()
    )


def _is_worth_it(settings: TrainConfig, data: TrainingData, flops: TrainingFlops) -> bool:
    budget = settings.budget
    if budget.minutes is not None:
        return budget.minutes >= WORTH_MINUTES
    steps = steps_of(budget, data.batches, flops=lambda: flops, steps_in_time=lambda seconds: 0)
    return flops_of(flops, data.batches(steps), steps) >= WORTH_FLOPS[default_device()]
