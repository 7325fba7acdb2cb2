"""``do: initialize``: a model with random weights for a tokenizer. Makes a ``model``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from danlu.artifacts.stage import Estimate, StageContext
from danlu.hardware.yardstick import slowness
from danlu.initializing.config import InitializeConfig
from danlu.initializing.sizes import ENCODER_SIZES, SIZES

VERSION = 1
PREPARES = True

BYTES_BEFORE_MODEL = 600_000_000
"""Resident memory of the process with torch and transformers loaded."""
STARTING_SECONDS = 2.0
"""Importing torch and transformers and reading a vocabulary."""
BYTES_PER_WEIGHT = 4
MEMORY_PER_WEIGHT = 5
"""As measured with 8 to 97 million weights."""
WEIGHTS_PER_SECOND = 40e6
"""Drawn, written, hashed and synced, on one core."""


def plan(config: InitializeConfig, context: StageContext) -> Estimate:
    """From the shape alone."""
    sizes = ENCODER_SIZES if config.architecture == "bert" else SIZES
    shape = sizes[config.size].with_overrides(config)
    num_parameters = shape.num_parameters(context.input("tokenizer").facts.get("vocabulary_size", 0))
    return Estimate(
        seconds=slowness() * (STARTING_SECONDS + num_parameters / WEIGHTS_PER_SECOND),
        peak_memory_bytes=BYTES_BEFORE_MODEL + MEMORY_PER_WEIGHT * num_parameters,
        disk_bytes=BYTES_PER_WEIGHT * num_parameters,
        notes=[f"{config.architecture} of {num_parameters / 1e6:,.1f} million weights: {shape}"],
    )


def run(config: InitializeConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Draw the weights and write a Hugging Face directory."""
    from transformers.utils import logging

    from danlu.initializing.build import make_config, make_model
    from danlu.models.describe import describe_model
    from danlu.models.files import save_config, save_tokenizer
    from danlu.models.load import load_tokenizer

    logging.disable_progress_bar()  # it would cut through the run's own progress
    tokenizer = load_tokenizer(context.input("tokenizer").path)
    model = make_model(config, make_config(config, tokenizer))
    model.save_pretrained(str(out))
    save_config(model.config, out)
    save_tokenizer(tokenizer, out)
    num_parameters = model.num_parameters()
    facts = describe_model(model.config, num_parameters=num_parameters, has_chat_template=bool(tokenizer.chat_template))
    context.reporter.say(
        f"{config.architecture} of {num_parameters:,} weights ({num_parameters - _embedding_weights(model):,} without"
        f" embeddings): {facts['num_layers']} layers, hidden size {facts['hidden_size']}, {facts['num_heads']} heads of"
        f" {facts['head_size']} on {facts['num_kv_heads']} key-value heads, feed-forward {facts['intermediate_size']},"
        f" vocabulary {facts['vocabulary_size']:,}, context {config.context:,}."
    )
    return {**facts, "config": json.loads((out / "config.json").read_text(encoding="utf-8"))}


def _embedding_weights(model: Any) -> int:
    """Weights of the embedding and, where it is one of its own, the head."""
    tables = {id(layer.weight): layer.weight for layer in (model.get_input_embeddings(), model.get_output_embeddings())}
    return sum(table.numel() for table in tables.values())
