"""How far two trainings are apart, and how far rounding may take them.

Float32 sums come out a little different in another order, and optimizers like Adam make a step of the usual length out
of a gradient that is nothing but rounding. How much of that a training makes depends on the model, the optimizer and
the number of steps, so it is measured: the same training is made once more with every weight off by about one unit in
its last place. What that moves, times `ROUNDING_FACTOR`, is what rounding may move; at least `FEWEST_RELATIVE`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import torch

FEWEST_RELATIVE = 1e-5
"""What two ways of one step may differ by in this project's own tests (tests/invariants)."""
ROUNDING_FACTOR = 20.0
"""Weights off by one unit each move sums less than summing in another order does."""
MOST_RELATIVE = 0.02
"""A measure that rounding alone may move by more than this tells nothing, and is not judged by."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a short training came to."""

    losses: list[float]
    """Of each step's batch before the step, nats per target."""
    gradient: torch.Tensor
    """(num_trained,) of the last step, before it was clipped."""
    weights: torch.Tensor
    """(num_trained,) as they would be saved."""


@dataclass(frozen=True)
class Difference:
    """Relative differences of two trainings, or what these may be."""

    losses: float
    """The largest of all steps."""
    gradient: float
    """Of the last step: Euclidean norm of the difference by that of the gradient."""
    weights: float
    """The trained ones at the end, in the same way."""

    @classmethod
    def between(cls, one: Trial, other: Trial) -> Difference:
        """Of `one`, beside `other`. Infinite where they cannot be compared."""
        return cls(
            losses=_largest(one.losses, other.losses),
            gradient=_relative(one.gradient, other.gradient),
            weights=_relative(one.weights, other.weights),
        )

    def tolerances(self) -> Difference:
        """What may differ where this is what a disturbance in the last place moves."""
        return Difference(*(max(FEWEST_RELATIVE, ROUNDING_FACTOR * value) for value in asdict(self).values()))

    def exceeds(self, tolerances: Difference) -> bool:
        """Whether anything is further apart than it may be. What is not a number is."""
        return any(not getattr(self, name) <= getattr(tolerances, name) for name in tolerances.judged())

    def worst(self, tolerances: Difference) -> str:
        """The measure that uses most of its tolerance."""

        def used(name: str) -> float:
            value, most = asdict(self)[name], asdict(tolerances)[name]
            return float(value / most if most else value)

        return max(tolerances.judged(), key=used)

    def judged(self) -> list[str]:
        """Of tolerances: the measures that say something."""
        return [field.name for field in fields(self) if getattr(self, field.name) <= MOST_RELATIVE]


EXACTLY = Difference(0.0, 0.0, 0.0)
"""For ways that must give the same bits."""


def _largest(ones: Sequence[float], others: Sequence[float]) -> float:
    if len(ones) != len(others):
        return math.inf
    return max(
        (0.0 if one == other else abs(one - other) / (abs(other) or 1.0))
        for one, other in zip(ones, others, strict=True)
    )


def _relative(one: torch.Tensor, other: torch.Tensor) -> float:
    if one.shape != other.shape:
        return math.inf
    scale = float(other.norm())
    return float((one - other).norm()) / (scale or 1.0)
