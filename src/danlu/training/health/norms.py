"""Norms of gradients, parameters and updates by module, from the trained parameters by name.

A rank may hold a part of each tensor only. So squares are summed for each parameter, then over the ranks, by a function
that is handed in, and roots are taken last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch

from danlu.training.health.modules import keyed, sums_by_module

MOST_COPIED = 2**18
"""Entries of each tensor, evenly spread, of which a copy is kept to see how far the optimizer moves them: one MiB. All
of them would be the model once more."""

SumOverRanks = Callable[[dict[str, float]], dict[str, float]]
"""From this rank's numbers of its parameters, by name, to those of all ranks. A parameter that several ranks hold whole
is to be counted once."""


def one_rank(numbers: dict[str, float]) -> dict[str, float]:
    """`SumOverRanks` of a single process."""
    return numbers


class Norms:
    """Looks at the parameters around one step of the optimizer.

    Args:
        trained: Parameters, or this rank's parts of them, by name.
        sum_over_ranks: See `SumOverRanks`.
    """

    def __init__(self, trained: Mapping[str, torch.Tensor], sum_over_ranks: SumOverRanks = one_rank) -> None:
        self._names = list(trained)
        self._trained = list(trained.values())
        self._sum = sum_over_ranks
        self._before: list[torch.Tensor] | None = None
        self._norms: dict[str, float] = {}

    def before_step(self, gradient_norm: float) -> dict[str, float]:
        """Norms of gradients and parameters. Keeps a copy of some entries until `after_step`.

        Args:
            gradient_norm: Of all gradients together before they were clipped. Clipping makes all of them shorter by the
                same factor, so this says what each module's was.
        """
        squares = self._squares(self._gradients())
        total = math.sqrt(sum(squares.values()))
        factor = gradient_norm / total if total and math.isfinite(total) else 1.0
        self._norms = _roots(self._squares(self._trained))
        self._before = [some_entries(parameter).clone() for parameter in self._trained]
        gradients = {module: factor * norm for module, norm in _roots(squares).items()}
        return keyed("gradient_norm", gradients) | keyed("parameter_norm", self._norms)

    def after_step(self) -> dict[str, float]:
        """How far the step went: the norm of the change over the norm of the parameters before. Of tensors with more
        than `MOST_COPIED` entries it is estimated from so many."""
        assert self._before is not None
        now = [some_entries(parameter) for parameter in self._trained]
        factors = [parameter.numel() / max(len(some), 1) for parameter, some in zip(self._trained, now, strict=True)]
        changes = _roots(self._squares(torch._foreach_sub(now, self._before), factors))
        self._before = None
        ratios = {module: change / self._norms[module] for module, change in changes.items() if self._norms[module]}
        return keyed("update_ratio", ratios)

    def non_finite(self) -> dict[str, float]:
        """How many entries of the gradients are not finite, by module."""
        counts = [0.0 if gradient is None else float((~gradient.isfinite()).sum()) for gradient in self._gradients()]
        return sums_by_module(self._sum(dict(zip(self._names, counts, strict=True))))

    def _gradients(self) -> list[torch.Tensor | None]:
        return [parameter.grad for parameter in self._trained]

    def _squares(
        self, tensors: Sequence[torch.Tensor | None], factors: Sequence[float] | None = None
    ) -> dict[str, float]:
        """Sums of the squares of all entries, by parameter; of all ranks.

        Args:
            tensors: One for each parameter.
            factors: Of each sum; 1 if not given.
        """
        there = [tensor.detach() for tensor in tensors if tensor is not None]
        found = iter(torch.stack(torch._foreach_norm(there)).double().square().tolist() if there else [])
        squares = [0.0 if tensor is None else next(found) for tensor in tensors]
        if factors is not None:
            squares = [factor * square for factor, square in zip(factors, squares, strict=True)]
        return self._sum(dict(zip(self._names, squares, strict=True)))


def some_entries(tensor: torch.Tensor, most: int = MOST_COPIED) -> torch.Tensor:
    """(n,): at most `most` entries, evenly spread; a view where `tensor` is contiguous.

    An odd distance between them, so that they come from all columns of a matrix.
    """
    flat = tensor.detach().reshape(-1)
    return flat if len(flat) <= most else flat[:: -(-len(flat) // most) | 1]


def _roots(squares: Mapping[str, float]) -> dict[str, float]:
    """Norms by module."""
    return {module: math.sqrt(square) for module, square in sums_by_module(squares).items()}
