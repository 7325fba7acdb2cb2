"""Short names for the modules of a model: ``layers.3.mlp`` for all there is in the third layer's feed-forward part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch

Value = TypeVar("Value")

WRAPPERS = ("base_model", "model", "bert", "transformer", "_orig_mod")
"""Parts of names that only say in what a module is wrapped."""


def module_of(name: str) -> str:
    """The watched module that a parameter or module belongs to.

    It is the part of a layer right below the layer's number, or, outside the layers, the outermost module:
    ``model.layers.3.self_attn.q_proj.weight`` is of ``layers.3.self_attn``, ``lm_head.weight`` of ``lm_head``.
    """
    parts = name.split(".")
    while len(parts) > 1 and parts[0] in WRAPPERS:
        parts = parts[1:]
    for place, part in enumerate(parts):
        if part.isdigit() and place:
            return ".".join(parts[: place + 2])
    return parts[0]


def layer_of(module: str) -> str:
    """``layers.3`` for ``layers.3.self_attn``; other names as they are."""
    parts = module.split(".")
    return ".".join(parts[:-1]) if len(parts) > 1 and parts[-2].isdigit() else module


def watched_modules(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The modules whose outputs are worth a look, by their short names: parts of layers that hold matrices, the layers
    themselves, and what lies around them."""
    found: dict[str, torch.nn.Module] = {}
    for name, module in model.named_modules():
        short = module_of(name)
        is_whole = short not in WRAPPERS and (name == short or name.endswith(f".{short}"))
        holds_matrices = any(parameter.ndim >= 2 for parameter in module.parameters())
        if name and is_whole and holds_matrices and not isinstance(module, torch.nn.ModuleList):
            found.setdefault(short, module)
    return found


def sums_by_module(of_parameters: Mapping[str, float]) -> dict[str, float]:
    """Numbers of parameters, by their names, added up by module, in the order of the names."""
    found: dict[str, float] = {}
    for name, value in of_parameters.items():
        found[module_of(name)] = found.get(module_of(name), 0.0) + value
    return found


def keyed(metric: str, of_modules: Mapping[str, Value]) -> dict[str, Value]:
    """By the names of metrics: ``gradient_norm/layers.3.mlp``."""
    return {f"{metric}/{module}": value for module, value in of_modules.items()}
