"""Rotary position embedding between transformers' ``rope_parameters`` and GGUF's metadata.

Scalings known to both: none, ``linear``, ``yarn``, and ``llama3``, which GGUF keeps as a tensor of divisors.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from danlu.errors import UserError
from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.tensors import ROPE_FACTORS, Values

DEFAULT_BASE = 10_000.0

# The only values of these that models trained with llama3 scaling have used; GGUF does not keep them.
LLAMA3_SHAPE = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def read_rope(file: GgufFile, prefix: str, head_size: int) -> dict[str, Any]:
    """transformers' ``rope_parameters``.

    Args:
        file: Where they are read from.
        prefix: Name of the architecture, with which the keys begin.
        head_size: Size of one attention head.

    Raises:
        UserError: the scaling cannot be expressed in transformers.
    """
    parameters: dict[str, Any] = {
        "rope_type": "default",
        "rope_theta": as_decimal(file.get(f"{prefix}.rope.freq_base", DEFAULT_BASE)),
    }
    scaling = file.get(f"{prefix}.rope.scaling.type", "none")
    if ROPE_FACTORS in file.tensor_names:
        parameters |= _recognise_llama3(file, parameters["rope_theta"], head_size)
    elif scaling in ("linear", "yarn"):
        parameters["rope_type"] = scaling
        parameters["factor"] = as_decimal(file.require(f"{prefix}.rope.scaling.factor"))
        if scaling == "yarn":
            key = f"{prefix}.rope.scaling.original_context_length"
            parameters["original_max_position_embeddings"] = file.require(key)
    elif scaling != "none":
        raise UserError(
            f"{file.path.name} scales its rotary embedding by {scaling!r}, which cannot be read.",
            "Import the model's Hugging Face directory instead.",
        )
    return parameters


def write_rope(writer: Any, parameters: dict[str, Any]) -> None:
    """Metadata of the rotary embedding.

    Raises:
        UserError: llama.cpp does not know this scaling.
    """
    import gguf

    writer.add_rope_freq_base(float(parameters.get("rope_theta", DEFAULT_BASE)))
    match parameters.get("rope_type", "default"):
        case "default" | "llama3":
            pass
        case "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(float(parameters["factor"]))
        case "yarn" if not set(parameters) & {"attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow"}:
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(float(parameters["factor"]))
            writer.add_rope_scaling_orig_ctx_len(int(parameters["original_max_position_embeddings"]))
        case other:
            raise UserError(
                f"The rotary embedding's scaling {other!r} with {sorted(parameters)} cannot be written to GGUF.",
                "Export it as a Hugging Face directory (formats: [hf]).",
            )


def rope_factors(parameters: dict[str, Any], head_size: int) -> Values | None:
    """Divisors of the rotary frequencies, (head_size / 2,), if the scaling is llama3's; else None.

    Frequencies whose wavelength is long against the original context are divided by ``factor``, short ones are left
    alone, and in between the two are blended (Llama 3.1's ``apply_scaling``).
    """
    if parameters.get("rope_type") != "llama3":
        return None
    factor = parameters["factor"]
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    base = parameters.get("rope_theta", DEFAULT_BASE)
    frequencies = base ** -(np.arange(0, head_size, 2, dtype=np.float64) / head_size)
    turns = parameters["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    blend = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray(1.0 / ((1.0 - blend) / factor + blend), np.float32)


def as_decimal(value: float) -> float:
    """The shortest decimal that is this float32: 1e-05, not 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def _recognise_llama3(file: GgufFile, base: float, head_size: int) -> dict[str, Any]:
    stored = file.tensor(ROPE_FACTORS)
    parameters = {"rope_type": "llama3", "factor": as_decimal(stored.max()), **LLAMA3_SHAPE}
    computed = rope_factors({**parameters, "rope_theta": base}, head_size)
    if computed is None or computed.shape != stored.shape or not np.allclose(computed, stored, rtol=1e-4):
        raise UserError(
            f"{file.path.name} scales its rotary frequencies in a way that is not Llama 3's.",
            "Import the model's Hugging Face directory instead.",
        )
    return parameters
