"""How differences are judged."""

from __future__ import annotations

import math

import pytest
import torch

from danlu.training.checking.difference import (
    FEWEST_RELATIVE,
    ROUNDING_FACTOR,
    Trial,
    difference,
    exactly,
    exceeds,
    tolerances_from,
    worst,
)


def trial(losses: list[float], first: list[float], last: list[float], weights: list[float]) -> Trial:
    return Trial(losses, torch.tensor(first), torch.tensor(last), torch.tensor(weights))


ONE = trial([2.0, 1.1], [1.0], [3.0, 4.0], [1.0, 0.0])


def test_differences_are_relative_to_the_second() -> None:
    found = difference(ONE, trial([2.0, 1.0], [1.0], [3.0, 3.0], [2.0, 0.0]))
    assert found == pytest.approx(
        {
            "loss of step 1": 0.0,
            "loss of step 2": 0.1,
            "first gradient": 0.0,
            "last gradient": 1 / math.sqrt(18),
            "weights": 0.5,
        }
    )
    assert set(difference(ONE, ONE).values()) == {0.0}


@pytest.mark.parametrize(
    "other",
    [
        trial([2.0], [1.0], [3.0, 4.0], [1.0, 0.0]),
        trial([2.0, 1.1, 1.0], [1.0], [3.0, 4.0], [1.0, 0.0]),
        trial([2.0, 1.1], [1.0, 1.0], [3.0, 4.0], [1.0, 0.0]),
        trial([2.0, math.nan], [1.0], [3.0, 4.0], [1.0, 0.0]),
        trial([2.0, 1.1], [1.0], [math.nan, 4.0], [1.0, 0.0]),
    ],
)
def test_what_cannot_be_compared_differs(other: Trial) -> None:
    for found in (difference(ONE, other), difference(other, ONE)):
        assert exceeds(found, exactly(found))
        assert exceeds(found, dict.fromkeys(found, 0.01))


def test_rounding_sets_the_tolerances_and_never_below_those_of_the_tests() -> None:
    tolerances = tolerances_from({"loss of step 1": 0.0, "last gradient": 1e-5, "weights": 0.01})
    assert tolerances == {"loss of step 1": FEWEST_RELATIVE, "last gradient": pytest.approx(ROUNDING_FACTOR * 1e-5)}


def test_what_rounding_moves_far_is_not_judged_by() -> None:
    tolerances = {"loss of step 1": 1e-5, "first gradient": 1e-5}
    assert not exceeds(
        {"loss of step 1": 1e-6, "loss of step 2": 0.3, "first gradient": 1e-6, "weights": 1}, tolerances
    )
    assert exceeds({"loss of step 1": 1e-6, "first gradient": 2e-5}, tolerances)
    assert worst({"loss of step 1": 1e-6, "first gradient": 9e-6, "weights": 1}, tolerances) == "first gradient"
    assert worst({"loss of step 1": 1e-6, "first gradient": math.nan}, tolerances) == "first gradient"
