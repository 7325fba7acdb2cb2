"""A transformers model with random weights."""

from __future__ import annotations

import math
from typing import Any

import torch

from danlu.initializing.config import InitializeConfig
from danlu.initializing.sizes import ENCODER_SIZES, SIZES
from danlu.models.masking import MaskVocabulary
from danlu.models.tasks import Task, auto_class, is_encoder

INTO_RESIDUAL_STREAM = ("o_proj", "down_proj", "output.dense")
"""Endings of the names of layers whose output is added to the residual stream."""


def make_config(settings: InitializeConfig, tokenizer: Any) -> Any:
    """The transformers config for these settings and this tokenizer."""
    from transformers import AutoConfig

    if settings.architecture == "bert":
        return _encoder_config(settings, tokenizer)
    shape = SIZES[settings.size].with_overrides(settings)
    return AutoConfig.for_model(
        settings.architecture,
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_kv_heads,
        head_dim=shape.head_size,
        intermediate_size=shape.intermediate_size,
        max_position_embeddings=settings.context,
        tie_word_embeddings=shape.tie_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": settings.rope_theta},
        initializer_range=settings.initial_std,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )


def _encoder_config(settings: InitializeConfig, tokenizer: Any) -> Any:
    from transformers import AutoConfig

    MaskVocabulary.of(tokenizer)  # nothing could be hidden without a mask token
    shape = ENCODER_SIZES[settings.size].with_overrides(settings)
    return AutoConfig.for_model(
        settings.architecture,
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        intermediate_size=shape.intermediate_size,
        max_position_embeddings=settings.context,
        initializer_range=settings.initial_std,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )


def make_model(settings: InitializeConfig, config: Any) -> Any:
    """A float32 model whose weights are a function of the settings and the config."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        task: Task = "masked_lm" if is_encoder(config.to_dict()) else "causal_lm"
        model: Any = auto_class(task).from_config(config, dtype=torch.float32)
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and module.weight is not model.get_input_embeddings().weight:
                _draw(module.weight, settings, name, config.num_hidden_layers)
    return model


def _draw(weight: torch.Tensor, settings: InitializeConfig, name: str, num_layers: int) -> None:
    """Fill one matrix with random numbers."""
    match settings.initialization:
        case "normal":
            torch.nn.init.normal_(weight, std=settings.initial_std)
        case "scaled":
            depth = math.sqrt(2 * num_layers) if name.endswith(INTO_RESIDUAL_STREAM) else 1.0
            torch.nn.init.normal_(weight, std=settings.initial_std / depth)
        case "xavier":
            torch.nn.init.xavier_normal_(weight)
        case "kaiming":
            torch.nn.init.kaiming_normal_(weight, nonlinearity="linear")
