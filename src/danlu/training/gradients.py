"""What happens to the gradient between the backward pass and the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from danlu.training.config import TrainConfig
from danlu.training.settings import RegularisationSettings

NormOf = Callable[[Sequence[torch.Tensor]], torch.Tensor]
"""Euclidean norm of all gradients, those of other ranks included."""


def finish_gradients(
    trained: Sequence[torch.Tensor],
    *,
    max_norm: float,
    max_value: float | None,
    regularisation: RegularisationSettings,
    norm_of: NormOf = torch.nn.utils.get_total_norm,
) -> float:
    """Add the gradient of the penalties on the weights, then clip in place; returns the norm before it was clipped.

    Args:
        trained: Parameters with their gradients; penalties hold for matrices only.
        max_norm: Largest Euclidean norm of all gradients together.
        max_value: Largest absolute value of an entry, brought about before the norm is taken; None for any.
        regularisation: The penalties l1 * sum |w| + l2 / 2 * sum w^2.
        norm_of: See `NormOf`.
    """
    matrices = [parameter.detach() for parameter in trained if parameter.ndim >= 2]
    gradients = [parameter.grad for parameter in trained if parameter.ndim >= 2 and parameter.grad is not None]
    if regularisation.l1:
        torch._foreach_add_(gradients, torch._foreach_sign(matrices), alpha=regularisation.l1)
    if regularisation.l2:
        torch._foreach_add_(gradients, matrices, alpha=regularisation.l2)
    if max_value is not None:
        torch.nn.utils.clip_grad_value_(trained, max_value)
    norm = norm_of([parameter.grad for parameter in trained if parameter.grad is not None])
    # Else it would multiply all of them by one.
    if norm + 1e-6 > max_norm:
        torch.nn.utils.clip_grads_with_norm_(trained, max_norm, norm)
    return float(norm)


def finisher(
    config: TrainConfig, norm_of: NormOf = torch.nn.utils.get_total_norm
) -> Callable[[Sequence[torch.Tensor]], float]:
    """`finish_gradients` as a stage's settings say."""
    return partial(
        finish_gradients,
        max_norm=config.max_gradient_norm,
        max_value=config.max_gradient_value,
        regularisation=config.regularisation,
        norm_of=norm_of,
    )
