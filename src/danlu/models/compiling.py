"""Parts of a model turned into machine code by torch's compiler.

What is compiled is one decoder layer, of which all layers use the code, and the loss's work on the logits. On a CPU
each compiled part is one call into C++ that lets go of Python's lock, so that workers in several threads do not wait
for each other, and it keeps to one core, as the workers do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

import torch

from danlu.models.block_attention import BLOCK_ATTENTION

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

OPTIONS: dict[str, Any] = {"cpp_wrapper": True, "cpp.threads": 1}
"""Of torch's compiler, for CPUs: one call into C++ a part, on one thread."""
MOST_VARIANTS = 64
"""Of the code of one layer: for each row length of a ramp, with and without gradient, and for each kind of layer."""

KEPT_SHARE = 0.8
"""Of what torch's compiler would keep of a layer for the backward pass; the rest, cheap to make, is made again there.
At 0.8 that costs no time (docs/LOG.md)."""


def compile_layers(model: Any) -> None:
    """Have the decoder layers compiled when they are first called with new shapes.

    Torch's settings are the calling thread's, and those of the workers that it gives work.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    torch._dynamo.config.recompile_limit = MOST_VARIANTS
    torch._functorch.config.activation_memory_budget = KEPT_SHARE
    for layer in model.modules():
        if isinstance(layer, GradientCheckpointingLayer):
            layer.compile(dynamic=False, options=OPTIONS)


def is_made_for_compiling(model: Any) -> bool:
    """Whether the model has the attention that goes with compiled layers."""
    return bool(model.config._attn_implementation == BLOCK_ATTENTION)


@cache
def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """`function` of tensors, compiled once per shape."""
    return torch.compile(function, dynamic=False, options=OPTIONS)


def why_no_compiler() -> str | None:
    """Why nothing can be compiled for a CPU here; None if it can."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError, OSError):
        return "there is no C++ compiler (install g++)"
    return None
