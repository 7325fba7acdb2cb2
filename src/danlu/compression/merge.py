"""Merge an adapter into its base and save the result as a complete Hugging Face directory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from danlu.errors import UserError
from danlu.models.chat import end_of_turn_ids
from danlu.models.files import save_config, save_tokenizer


def merge_adapter(model: Any) -> Any:
    """The plain transformers model with the adapter's update added to the weights, in place; a whole model as it is.

    Raises:
        UserError: the update makes a weight infinite or not a number.
    """
    if not hasattr(model, "merge_and_unload"):
        return model
    try:
        return model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # what peft says of weights that are not finite
        raise UserError(
            f"The adapter cannot be merged: {error}", "Train again with a smaller learning rate."
        ) from error


def save_model(model: Any, tokenizer: Any, directory: Path, *, licence_from: Path) -> None:
    """Write config, weights, tokenizer, chat template and generation settings.

    Args:
        model: A plain transformers model.
        tokenizer: Its tokenizer.
        directory: Created.
        licence_from: The base model's directory, whose licence files go along.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # it would cut through the run's own progress
    directory.mkdir(parents=True)
    if model.can_generate():
        generation = model.generation_config
        generation.eos_token_id = end_ids(model, tokenizer)
        generation.bos_token_id = tokenizer.bos_token_id
        generation.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(str(directory))
    save_config(model.config, directory)
    save_tokenizer(tokenizer, directory)
    for path in licence_from.glob("LICENSE*"):
        shutil.copyfile(path, directory / path.name)


def end_ids(model: Any, tokenizer: Any) -> list[int]:
    """Every token at which generation must end: the end of a turn, the end of sequence, and what the base named."""
    ids = end_of_turn_ids(tokenizer) if tokenizer.chat_template else [tokenizer.eos_token_id]
    named = model.generation_config.eos_token_id
    ids += [named] if isinstance(named, int) else named or []
    return list(dict.fromkeys(index for index in ids if index is not None))
