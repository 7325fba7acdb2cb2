"""Tensors between the two layouts: names, the order of q and k rows, and which type each is stored in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.models.gguf.architectures import Architecture

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType

ROPE_FACTORS = "rope_freqs.weight"
"""Divisors of the rotary frequencies; llama.cpp stores Llama 3's scaling of RoPE as this tensor."""

Values = npt.NDArray[np.float32]


def expected_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights a transformers config calls for, without allocating any.

    The output embedding is left out where it is tied to the input embedding.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        shapes.pop("lm_head.weight", None)
    return shapes


def gguf_names(architecture: Architecture, names: list[str], num_layers: int) -> dict[str, str]:
    """GGUF's name for each Hugging Face tensor name.

    Raises:
        UserError: the architecture has no place for one of them.
    """
    import gguf

    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    table = gguf.get_tensor_name_map(kinds[architecture.name], num_layers)
    result = {}
    for name in names:
        gguf_name = table.get_name(name, try_suffixes=(".weight", ".bias"))
        if gguf_name is None:
            raise UserError(
                f"The weight {name} has no place in a GGUF file of architecture {architecture.name!r}.",
                "Export it as a Hugging Face directory (formats: [hf]).",
            )
        result[name] = gguf_name
    return result


def rotated_heads(name: str, config: Any) -> int | None:
    """Number of heads whose rows must change places in this tensor, or None if it is not q or k."""
    if ".q_proj." in name:
        return int(config.num_attention_heads)
    if ".k_proj." in name:
        return int(config.num_key_value_heads)
    return None


def interleave(values: Values, num_heads: int) -> Values:
    """Rows of q or k from transformers' order (two halves of each head) to llama.cpp's (neighbouring pairs).

    Args:
        values: (num_heads * head_size, ...).
    """
    halves = values.reshape(num_heads, 2, -1, *values.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)


def deinterleave(values: Values, num_heads: int) -> Values:
    """Inverse of `interleave`."""
    pairs = values.reshape(num_heads, -1, 2, *values.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(values.shape)


def storage_type(shape: tuple[int, ...], wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    """The type a tensor is stored in when the file is of type `wanted`.

    As in llama.cpp, vectors (norms and biases) stay float32, and a matrix whose rows cannot be cut into the blocks of a
    quantised type is kept in float16.
    """
    import gguf

    if len(shape) < 2:
        return gguf.GGMLQuantizationType.F32
    block_size, _ = gguf.GGML_QUANT_SIZES[wanted]
    return wanted if shape[-1] % block_size == 0 else gguf.GGMLQuantizationType.F16


def encode(name: str, values: Values, storage: GGMLQuantizationType) -> npt.NDArray[Any]:
    """A tensor's values as they are stored.

    Raises:
        UserError: a value is not finite, or too large for float16.
    """
    import gguf

    if not np.isfinite(values).all():
        raise UserError(f"The weight {name} has values that are not finite.", "Train again; this model is broken.")
    if storage == gguf.GGMLQuantizationType.F16 and np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        raise UserError(
            f"The weight {name} has values beyond float16's range.", "Use gguf-q8_0 or hf instead of gguf-f16."
        )
    return gguf.quants.quantize(values, storage)
