"""See that an imported directory is whole before anything is built on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.errors import UserError
from danlu.models.files import CONFIG
from danlu.models.load import load_tokenizer, read_config
from danlu.models.tasks import auto_class, is_encoder, task_of


@dataclass(frozen=True)
class Checked:
    """What is known of a directory after it has been checked."""

    config: Any
    """A transformers config."""
    tokenizer: Any
    num_parameters: int
    """Tied weights count once."""


def verify(directory: Path) -> Checked:
    """Load the model and its tokenizer as every later stage will, and look at every value.

    Raises:
        UserError: the model type is unknown, weights are missing, superfluous, misshapen or not finite, or the
            tokenizer cannot be loaded or does not fit.
    """
    model = _load_model(directory)
    num_parameters = _check_values(model)
    tokenizer = _load_tokenizer(directory)
    largest = max(tokenizer.get_vocab().values())
    rows = model.get_input_embeddings().weight.shape[0]
    if largest >= rows:
        raise UserError(
            f"The tokenizer has the id {largest}, but the model has only {rows} embeddings.",
            "Check that the tokenizer belongs to this model.",
        )
    return Checked(model.config, tokenizer, num_parameters)


def _load_model(directory: Path) -> Any:
    """The model with the weights mapped from disk.

    Names are compared by transformers itself: it knows under which names older versions saved the same weights.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    logging.disable_progress_bar()  # it would cut through the run's own progress
    try:
        loaded: Any = _class_for(directory).from_pretrained(
            str(directory),
            dtype="auto",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(
            f"The model cannot be loaded: {first_line(error)}",
            "Fetch the model again; if it is whole, this version of transformers does not know it.",
        ) from error
    model, report = loaded
    missing, unexpected = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    if missing or unexpected:
        problem = (
            f"lacks the weight {missing[0]}" if missing else f"has {unexpected[0]}, which its config does not ask for"
        )
        raise UserError(
            f"The model {problem} ({len(missing)} missing, {len(unexpected)} superfluous).",
            "Fetch or save the model again, whole, with the config.json that belongs to it.",
        )
    return model


def _class_for(directory: Path) -> Any:
    """Encoders are taken with the head they have, or without one, as those for embeddings come."""
    import transformers

    config = read_config(directory) if (directory / CONFIG).is_file() else {}
    named = str((config.get("architectures") or [""])[0])
    if is_encoder(config) and named.endswith("Model"):
        return transformers.AutoModel
    return auto_class(task_of(config))


def _check_values(model: Any) -> int:
    """Number of parameters, all of them seen to be finite."""
    import torch

    num_parameters = 0
    for name, weight in model.named_parameters():
        num_parameters += weight.numel()
        if not bool(torch.isfinite(weight).all()):
            raise UserError(
                f"The weight {name} has values that are not finite.", "Fetch the model again; it is broken."
            )
    return num_parameters


def _load_tokenizer(directory: Path) -> Any:
    try:
        return load_tokenizer(directory)
    except Exception as error:  # the tokenizers library raises bare exceptions from Rust
        raise UserError(
            f"The model's tokenizer cannot be loaded: {first_line(error)}",
            "Put a tokenizer.json that the tokenizers library reads beside the model.",
        ) from error


def first_line(error: Exception) -> str:
    """The beginning of what a library says about a failure."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
