"""Read a GGUF file into a Hugging Face directory, dequantised to float32, or straight into a model in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from danlu.errors import UserError
from danlu.models.files import save_config, save_tokenizer, write_safetensors
from danlu.models.gguf.architectures import architecture_to_read
from danlu.models.gguf.config import read_config
from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.tensors import ROPE_FACTORS, Values, deinterleave, expected_shapes, gguf_names, rotated_heads
from danlu.models.gguf.vocabulary import end_token_ids, read_tokenizer


def read_gguf(path: Path, out: Path, *, advance: Callable[[int], None] = lambda num_bytes: None) -> None:
    """Write ``config.json``, ``generation_config.json``, ``model.safetensors`` (float32) and the tokenizer's files.

    One tensor is in memory at a time.

    Args:
        path: The GGUF file.
        out: An existing directory.
        advance: Called with the number of bytes written after each tensor.

    Raises:
        UserError: the file is damaged, or its architecture, quantisation or tokenizer is not supported.
    """
    from transformers import GenerationConfig

    file = GgufFile(path)
    config = read_config(file)
    shapes = expected_shapes(config)
    tokenizer = read_tokenizer(file)
    save_config(config, out)
    GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=end_token_ids(file) or None, pad_token_id=config.pad_token_id
    ).save_pretrained(out)
    save_tokenizer(tokenizer, out)
    write_safetensors(out / "model.safetensors", shapes, _tensors(file, config, shapes), advance=advance)


def load_gguf(path: Path) -> tuple[Any, Any]:
    """A transformers causal language model (float32, eval mode) and its tokenizer, straight from a GGUF file.

    Raises:
        UserError: as `read_gguf`.
    """
    import torch
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING
    from transformers.utils import logging

    logging.disable_progress_bar()  # it would cut through the run's own progress
    file = GgufFile(path)
    config = read_config(file)
    weights = {name: torch.from_numpy(values) for name, values in _tensors(file, config, expected_shapes(config))}
    # Takes the tensors as they are: no second copy, and no time spent on random initial weights.
    model_class: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    model = model_class.from_pretrained(None, config=config, state_dict=weights, dtype=torch.float32)
    return model.eval(), read_tokenizer(file)


def _tensors(file: GgufFile, config: Any, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, Values]]:
    """Every weight the config calls for, under its Hugging Face name.

    Raises:
        UserError: one is missing, superfluous, misshapen or not finite.
    """
    architecture = architecture_to_read(file.architecture)
    names = gguf_names(architecture, list(shapes), config.num_hidden_layers)
    _check_complete(file, set(names.values()))
    for name, shape in shapes.items():
        values = file.tensor(names[name])
        if values.shape != shape:
            raise UserError(
                f"{file.path.name} has {names[name]} of shape {values.shape} where its metadata asks for {shape}.",
                "The file is inconsistent; take another conversion of the model.",
            )
        if not np.isfinite(values).all():
            raise UserError(f"{file.path.name} has values in {names[name]} that are not finite.", "Download it again.")
        heads = rotated_heads(name, config) if architecture.interleaved_rope else None
        yield name, deinterleave(values, heads) if heads else values


def _check_complete(file: GgufFile, wanted: set[str]) -> None:
    missing = sorted(wanted - file.tensor_names)
    superfluous = sorted(file.tensor_names - wanted - {ROPE_FACTORS})
    if missing or superfluous:
        problem = f"lacks {missing[0]}" if missing else f"has {superfluous[0]}, for which the architecture has no place"
        raise UserError(
            f"{file.path.name} {problem} ({len(missing)} missing, {len(superfluous)} superfluous tensors).",
            "Take another conversion of the model, or import its Hugging Face directory.",
        )
