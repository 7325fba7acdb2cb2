"""Steps of the backward pass for what ranks tell each other about a sequence of tokens.

Sequences are (1, tokens, ...), as all of Danlu's are; each rank holds an equal part of the tokens, in order.
"""

from __future__ import annotations

from typing import Any

import torch

from danlu.models.parallel.group import Group


def gather_sequence(part_1TD: torch.Tensor, group: Group) -> torch.Tensor:
    """The whole sequence from its parts. Backwards, the gradients of all ranks are added up and handed out in parts."""
    result: torch.Tensor = _Gather.apply(part_1TD, group)  # type: ignore[no-untyped-call]
    return result


def scatter_sequence(whole_1TD: torch.Tensor, group: Group) -> torch.Tensor:
    """This rank's part of the sum over ranks. Backwards, the gradient of the whole is put together from its parts."""
    result: torch.Tensor = _Scatter.apply(whole_1TD, group)  # type: ignore[no-untyped-call]
    return result


def exchange(parts: torch.Tensor, group: Group, sent: list[int], received: list[int]) -> torch.Tensor:
    """As `Group.exchanged`; backwards, the gradients go back where their tensors came from."""
    result: torch.Tensor = _Exchange.apply(parts, group, sent, received)  # type: ignore[no-untyped-call]
    return result


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part_1TD: torch.Tensor, group: Group) -> torch.Tensor:
        ctx.group = group
        return group.gathered(part_1TD[0])[None]

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient_1TD,) = outputs
        return ctx.group.scattered_sum(gradient_1TD[0])[None], None


class _Scatter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, whole_1TD: torch.Tensor, group: Group) -> torch.Tensor:
        ctx.group = group
        return group.scattered_sum(whole_1TD[0])[None]

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient_1TD,) = outputs
        return ctx.group.gathered(gradient_1TD[0])[None], None


class _Exchange(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, parts: torch.Tensor, group: Group, sent: list[int], received: list[int]) -> torch.Tensor:
        ctx.group, ctx.sent, ctx.received = group, sent, received
        return group.exchanged(parts, sent, received)

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = outputs
        return ctx.group.exchanged(gradient, ctx.received, ctx.sent), None, None, None
