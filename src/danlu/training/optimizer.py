"""The optimizer: torch's AdamW over two groups, with and without weight decay."""

from __future__ import annotations

from typing import Any

import torch

from danlu.training.config import OptimizerSettings


def trained_parameters(model: Any) -> list[torch.Tensor]:
    """The parameters that receive gradients, in the model's order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def make_optimizer(model: Any, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """AdamW over the trainable parameters. Vectors (biases, norms) are not decayed."""
    parameters = trained_parameters(model)
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=True,
    )
