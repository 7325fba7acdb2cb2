"""How far two trainings are apart, and how far rounding may take them.

Float32 sums come out a little different in another order, and some optimizers make a step of the usual length out of a
gradient that is nothing but rounding. How much of that a training makes depends on the model, the optimizer, the rate
and the step, so it is measured: the same training is made once more with every weight off by about one unit in its
last place. What that moves, times `ROUNDING_FACTOR`, is what rounding may move; at least `FEWEST_RELATIVE`. The first
step is hardly moved in any training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

import torch

FEWEST_RELATIVE = 1e-5
"""What two ways of one step may differ by in this project's own tests (tests/invariants)."""
ROUNDING_FACTOR = 20.0
"""Weights off by one unit each move sums less than summing in another order does."""
MOST_RELATIVE = 0.02
"""What rounding alone may move by more than this tells nothing, and is not judged by."""

Difference = Mapping[str, float]
"""Relative, by what it is of: ``loss of step 1`` and so on, ``first gradient``, ``last gradient`` and ``weights``, of
which the last three are Euclidean norms. Or what these may be."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a short training came to."""

    losses: list[float]
    """Of each step's batch before the step, nats per target."""
    first_gradient: torch.Tensor
    """(num_trained,) of the first step, before it was clipped."""
    last_gradient: torch.Tensor
    """(num_trained,) of the last step."""
    weights: torch.Tensor
    """(num_trained,) as they would be saved."""


def difference(one: Trial, other: Trial) -> Difference:
    """Of `one`, beside `other`. Infinite where they cannot be compared."""
    losses = enumerate(zip_longest(one.losses, other.losses, fillvalue=math.inf), 1)
    return {
        **{f"loss of step {step}": _of_numbers(*both) for step, both in losses},
        "first gradient": _of_vectors(one.first_gradient, other.first_gradient),
        "last gradient": _of_vectors(one.last_gradient, other.last_gradient),
        "weights": _of_vectors(one.weights, other.weights),
    }


def tolerances_from(disturbed: Difference) -> Difference:
    """What may differ where this is what a disturbance in the last place moves; what tells nothing is left out."""
    allowed = {name: max(FEWEST_RELATIVE, ROUNDING_FACTOR * value) for name, value in disturbed.items()}
    return {name: most for name, most in allowed.items() if most <= MOST_RELATIVE}


def exactly(found: Difference) -> Difference:
    """For ways that must give the same bits."""
    return dict.fromkeys(found, 0.0)


def exceeds(found: Difference, tolerances: Difference) -> bool:
    """Whether anything is further apart than it may be. What is not a number is."""
    return any(not found.get(name, math.inf) <= most for name, most in tolerances.items())


def worst(found: Difference, tolerances: Difference) -> str:
    """What uses most of its tolerance."""

    def used(name: str) -> float:
        value, most = found.get(name, math.inf), tolerances[name]
        return math.inf if math.isnan(value) else value / most if most else value

    return max(tolerances, key=used)


def _of_numbers(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other) / (abs(other) or 1.0) if math.isfinite(other) else math.inf


def _of_vectors(one: torch.Tensor, other: torch.Tensor) -> float:
    if one.shape != other.shape:
        return math.inf
    return float((one - other).norm()) / (float(other.norm()) or 1.0)
