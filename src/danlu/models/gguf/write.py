"""Write a Hugging Face directory as one GGUF file, tensor by tensor."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from danlu.errors import UserError
from danlu.models.files import tensor_files
from danlu.models.gguf.architectures import architecture_to_write
from danlu.models.gguf.config import check_writable, head_size_of, write_config
from danlu.models.gguf.rope import rope_factors
from danlu.models.gguf.tensors import (
    ROPE_FACTORS,
    Values,
    encode,
    expected_shapes,
    gguf_names,
    interleave,
    rotated_heads,
    storage_type,
)
from danlu.models.gguf.vocabulary_out import vocabulary_of, write_vocabulary
from danlu.models.load import load_tokenizer

FILE_TYPES = {"f32": ("F32", "ALL_F32"), "f16": ("F16", "MOSTLY_F16"), "q8_0": ("Q8_0", "MOSTLY_Q8_0")}
"""By our name: the type of matrices (gguf.GGMLQuantizationType) and of the file (gguf.LlamaFileType)."""


def write_gguf(
    directory: Path,
    path: Path,
    *,
    file_type: str,
    name: str,
    licence: str | None = None,
    advance: Callable[[int], None] = lambda num_bytes: None,
) -> list[str]:
    """Write the model in a Hugging Face directory as a GGUF file. One tensor is in memory at a time.

    Args:
        directory: ``config.json``, safetensors and a fast tokenizer.
        path: File to write; it appears when it is complete.
        file_type: A key of `FILE_TYPES`.
        name: ``general.name``.
        licence: SPDX identifier, if known.
        advance: Called with the number of float32 bytes read after each tensor.

    Returns:
        What llama.cpp will do differently from the Hugging Face directory, one line each; usually nothing.

    Raises:
        UserError: GGUF cannot express the model or its tokenizer.
    """
    import gguf
    from transformers import AutoConfig

    matrix_type, whole_type = FILE_TYPES[file_type]
    wanted = gguf.GGMLQuantizationType[matrix_type]
    config = AutoConfig.from_pretrained(str(directory), local_files_only=True)
    architecture = architecture_to_write(config.model_type)
    check_writable(config, architecture)
    shapes = expected_shapes(config)
    names = gguf_names(architecture, list(shapes), config.num_hidden_layers)
    tokenizer = load_tokenizer(directory)
    vocabulary = vocabulary_of(tokenizer, config.vocab_size)

    aside = path.with_name(path.name + ".partial")
    writer = gguf.GGUFWriter(aside, architecture.name)
    try:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name)
        if licence:
            writer.add_license(licence)
        writer.add_size_label(size_label(sum(math.prod(shape) for shape in shapes.values())))
        writer.add_file_type(gguf.LlamaFileType[whole_type])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        notes = write_config(writer, config)
        notes += write_vocabulary(writer, tokenizer, vocabulary, _end_ids(directory, tokenizer))

        factors = rope_factors(config.rope_parameters, head_size_of(config))
        if factors is not None:
            _announce(writer, ROPE_FACTORS, factors.shape, gguf.GGMLQuantizationType.F32)
        for hf_name, shape in shapes.items():
            _announce(writer, names[hf_name], shape, storage_type(shape, wanted))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors)
        for hf_name, values in _weights(directory, shapes):
            heads = rotated_heads(hf_name, config) if architecture.interleaved_rope else None
            ordered = interleave(values, heads) if heads else values
            writer.write_tensor_data(encode(hf_name, ordered, storage_type(values.shape, wanted)))
            advance(values.nbytes)
        writer.close()
        os.replace(aside, path)
    finally:
        writer.close()
        aside.unlink(missing_ok=True)
    return notes


def size_label(num_parameters: int) -> str:
    """``135M``, as GGUF files name sizes."""
    import gguf

    return str(gguf.size_label(num_parameters, num_parameters, 0, expert_count=0))


def _announce(writer: Any, name: str, shape: tuple[int, ...], storage: Any) -> None:
    """Reserve a tensor's place in the file."""
    import gguf

    block_size, block_bytes = gguf.GGML_QUANT_SIZES[storage]
    num_bytes = math.prod(shape) // block_size * block_bytes
    writer.add_tensor_info(name, shape, np.dtype(np.float32), num_bytes, raw_dtype=storage)


def _weights(directory: Path, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, Values]]:
    """Every weight in float32, in the order of `shapes`.

    Raises:
        UserError: one is missing or misshapen.
    """
    import torch
    from safetensors import safe_open

    files = tensor_files(directory)
    for name, shape in shapes.items():
        if name not in files:
            raise UserError(f"The model directory lacks the weight {name}.", "Save the model again, whole.")
        with safe_open(files[name], framework="pt") as file:
            values: Values = file.get_tensor(name).to(torch.float32).numpy()
        if values.shape != shape:
            raise UserError(
                f"The weight {name} has the shape {values.shape} where config.json asks for {shape}.",
                "Save the model again, whole.",
            )
        yield name, values


def _end_ids(directory: Path, tokenizer: Any) -> list[int]:
    """Ids at which generation ends, from ``generation_config.json`` if there is one."""
    from transformers import GenerationConfig

    if not (directory / "generation_config.json").is_file():
        return [tokenizer.eos_token_id]
    ids = GenerationConfig.from_pretrained(str(directory), local_files_only=True).eos_token_id
    return [ids] if isinstance(ids, int) else list(ids or [])
