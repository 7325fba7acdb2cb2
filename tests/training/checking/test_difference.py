"""How differences are judged."""

from __future__ import annotations

import math

import pytest
import torch

from danlu.training.checking.difference import (
    EXACTLY,
    FEWEST_RELATIVE,
    MOST_RELATIVE,
    ROUNDING_FACTOR,
    Difference,
    Trial,
)


def trial(losses: list[float], gradient: list[float], weights: list[float]) -> Trial:
    return Trial(losses, torch.tensor(gradient), torch.tensor(weights))


def test_differences_are_relative_to_the_second() -> None:
    one, other = trial([2.0, 1.1], [3.0, 4.0], [1.0, 0.0]), trial([2.0, 1.0], [3.0, 3.0], [2.0, 0.0])
    found = Difference.between(one, other)
    assert found.losses == pytest.approx(0.1)
    assert found.gradient == pytest.approx(1 / math.sqrt(18))
    assert found.weights == pytest.approx(0.5)
    assert Difference.between(one, one) == EXACTLY


def test_what_cannot_be_compared_differs() -> None:
    one = trial([1.0], [1.0], [1.0])
    assert Difference.between(one, trial([1.0, 1.0], [1.0], [1.0])).exceeds(EXACTLY)
    assert Difference.between(one, trial([1.0], [1.0, 1.0], [1.0])).exceeds(EXACTLY)
    assert Difference.between(trial([1.0], [math.nan], [1.0]), one).exceeds(Difference(0.1, 0.01, 0.01))
    assert Difference.between(trial([math.nan], [1.0], [1.0]), one).exceeds(Difference(0.01, 0.01, 0.01))


def test_rounding_sets_the_tolerances_and_never_below_those_of_the_tests() -> None:
    tolerances = Difference(0.0, 1e-5, 0.5).tolerances()
    assert tolerances.losses == FEWEST_RELATIVE
    assert tolerances.gradient == pytest.approx(ROUNDING_FACTOR * 1e-5)
    assert tolerances.weights > MOST_RELATIVE


def test_a_measure_that_rounding_moves_far_is_not_judged_by() -> None:
    tolerances = Difference(1e-5, 1e-5, 0.3)
    assert tolerances.judged() == ["losses", "gradient"]
    assert not Difference(1e-6, 1e-6, 1.0).exceeds(tolerances)
    assert Difference(1e-6, 2e-5, 0.0).exceeds(tolerances)
    assert Difference(1e-6, 9e-6, 1.0).worst(tolerances) == "gradient"
