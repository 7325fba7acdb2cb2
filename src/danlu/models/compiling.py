"""Parts of a model turned into machine code by torch's compiler.

What is compiled is one layer, of which all layers use the code, and the loss's work on the logits. On a CPU
each compiled part is one call into C++ that lets go of Python's lock, so that workers in several threads do not wait
for each other, and it keeps to one core, as the workers do. On a GPU it is what torch's compiler does by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

import torch

from danlu.hardware.machine import default_device
from danlu.models.attention import DocumentLayout
from danlu.models.block_attention import BLOCK_ATTENTION, register_block_attention, tokens_seen
from danlu.models.flash_attention import FLASH_ATTENTION, boundaries, register_flash_attention
from danlu.models.tasks import is_encoder

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

CPU_OPTIONS: dict[str, Any] = {"cpp_wrapper": True, "cpp.threads": 1}
"""Of torch's compiler, for CPUs: one call into C++ a part, on one thread."""
COMPILED_ATTENTION = {"cpu": BLOCK_ATTENTION, "cuda": FLASH_ATTENTION}
"""The attention that goes with compiled layers, by device."""
MOST_VARIANTS = 64
"""Of the code of one layer: for each row length of a ramp, with and without gradient, and for each kind of layer."""

KEPT_SHARE = 0.8
"""Of what torch's compiler would keep of a layer for the backward pass; the rest, cheap to make, is made again there.
At 0.8 that costs no time (docs/LOG.md)."""


def compile_layers(model: Any, kept_share: float = KEPT_SHARE) -> None:
    """Have the layers compiled when they are first called with new shapes.

    Torch's settings are the calling thread's, and those of the workers that it gives work.

    Args:
        model: Is changed in place.
        kept_share: Of what torch's compiler would keep of a layer for the backward pass; 0 for its inputs only.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    torch._dynamo.config.recompile_limit = MOST_VARIANTS
    if kept_share != torch._functorch.config.activation_memory_budget:
        torch._dynamo.reset()  # or layers like these, compiled before with another share, would lend their code
    torch._functorch.config.activation_memory_budget = kept_share
    for layer in model.modules():
        if isinstance(layer, GradientCheckpointingLayer):
            layer.compile(dynamic=False, options=_options())


def register_compiled_attention() -> str:
    """Make the attention that goes with compiled layers known to transformers; its name there."""
    device = default_device()
    register = {"cpu": register_block_attention, "cuda": register_flash_attention}[device]
    register()
    return COMPILED_ATTENTION[device]


def is_for_compiling(attention: str | None) -> bool:
    """Whether an attention implementation is one that goes with compiled layers."""
    return attention in COMPILED_ATTENTION.values()


def is_made_for_compiling(model: Any) -> bool:
    """Whether the model has such an attention."""
    return is_for_compiling(model.config._attn_implementation)


def layout_arguments(model: Any, documents: DocumentLayout, device: torch.device | str) -> dict[str, Any]:
    """How the attention of `model` is told where documents lie."""
    attention = model.config._attn_implementation
    if attention == BLOCK_ATTENTION:
        is_causal = not is_encoder(model.config.to_dict())
        return {"seen": tokens_seen(documents, device, is_causal=is_causal)}
    if attention == FLASH_ATTENTION:
        return {"boundaries": boundaries(documents, device), "longest": documents.row_length or sum(documents.lengths)}
    return {"documents": documents}


@cache
def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """`function` of tensors, compiled once per shape."""
    return torch.compile(function, dynamic=False, options=_options())


def why_no_compiler() -> str | None:
    """Why nothing can be compiled for the device of this machine; None if it can."""
    if default_device() == "cuda":
        from torch.utils._triton import has_triton

        return None if has_triton() else "there is no triton for this GPU (pip install triton)"
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError, OSError):
        return "there is no C++ compiler (install g++)"
    return None


def _options() -> dict[str, Any] | None:
    return CPU_OPTIONS if default_device() == "cpu" else None
