"""Experts divided over ranks that read different rows: each token goes to the ranks of its experts and back.

What is divided is said by transformers' plan for the model's type, and transformers exchanges the tokens.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch.distributed.device_mesh import DeviceMesh

from danlu.errors import UserError
from danlu.models.parallel.tensors import Part

EXPERTS, WEIGHTS = "ep_dispatch_experts", "grouped_gemm"
"""In transformers' plans: the module that tokens are sent to, and its weights (experts, ...)."""


def check_experts(config: Any, size: int) -> None:
    """See that the experts of models of this transformers config can be divided by so many ranks.

    Raises:
        UserError: they cannot, or there are none.
    """
    text = config.get_text_config()
    plan = getattr(text, "base_model_ep_plan", None) or {}
    if not {EXPERTS, WEIGHTS} <= set(plan.values()):
        raise UserError(
            f"parallel.expert: models of type {config.model_type!r} have no experts that transformers can divide.",
            "Say data or shard instead of expert.",
        )
    number = int(getattr(text, "num_local_experts", None) or text.num_experts)
    if number % size:
        raise UserError(
            f"parallel.expert: {size} does not divide the model's {number} experts.", "Take a divisor of it."
        )


def divide_experts(model: Any, mesh: DeviceMesh) -> dict[str, Part]:
    """Leave of the experts' weights those of this rank.

    Args:
        model: A transformers causal language model with all its weights; changed in place.
        mesh: The ranks among which they are divided.

    Returns:
        By the parameter's name in `model`, what is left of it.
    """
    parts: dict[str, Part] = {}
    for name, module in _of(model, EXPERTS):
        for weight, whole in list(module.named_parameters(recurse=False)):
            count = whole.shape[0] // mesh.size()
            start = mesh.get_local_rank() * count
            kept = whole.detach()[start : start + count].clone()
            module._parameters[weight] = torch.nn.Parameter(kept, requires_grad=whole.requires_grad)
            parts[f"{name}.{weight}"] = Part(0, start, whole.shape[0], along="expert")
        module.num_experts //= mesh.size()
    return parts


def send_tokens(model: Any, mesh: DeviceMesh, alone: DeviceMesh) -> None:
    """Have tokens sent to the ranks of their experts. Not before the model is copied, since groups of processes cannot.

    Args:
        model: With this rank's experts.
        mesh: The ranks among which they are divided.
        alone: Of one rank, since nothing divides the tokens of a micro-batch.
    """
    from transformers.distributed.expert_parallel import AllToAllEP

    for _, module in _of(model, EXPERTS):
        module.forward = AllToAllEP(module, mesh, alone)


def _of(model: Any, style: str) -> list[tuple[str, Any]]:
    """Modules of a model that its plan gives a style, with their names."""
    plan = model.base_model.config.base_model_ep_plan
    patterns = [re.escape(pattern).replace(r"\*", r"\d+") for pattern, each in plan.items() if each == style]
    names = [f"{re.escape(model.base_model_prefix)}\\.{pattern}" for pattern in patterns]
    return [(name, module) for name, module in model.named_modules() if any(re.fullmatch(each, name) for each in names)]
