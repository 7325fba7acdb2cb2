"""Levels, noise and trends against what they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from curves_by_formula import noisy, series

from danlu.monitoring.statistics import entropy, levels, median_filter, noise, trend


@pytest.mark.parametrize("slope", [0.0, 0.01, -0.05])
def test_noise_is_found_beside_a_trend(slope: float) -> None:
    values = noisy(slope * np.arange(4000), noise=0.3)
    assert noise(values) == pytest.approx(0.3, rel=0.1)


def test_wild_values_do_not_move_levels_and_noise() -> None:
    values = noisy(np.full(400, 2.0), noise=0.1)
    spoilt = values.copy()
    spoilt[::40] = 1e6
    assert noise(spoilt) == pytest.approx(noise(values), rel=0.3)
    assert levels(series(spoilt)).values == pytest.approx(np.full(40, 2.0), abs=0.15)


def test_the_error_of_a_level_is_that_of_its_median() -> None:
    medians = [levels(series(noisy(np.zeros(400), seed=seed))).values for seed in range(200)]
    assert levels(series(noisy(np.zeros(400)))).error == pytest.approx(np.std(medians), rel=0.25)


def test_levels_of_nothing_but_noise_do_not_differ() -> None:
    """The highest and the lowest of forty lie further apart than any two would: that happens once in a thousand."""
    courses = [levels(series(noisy(np.zeros(400), seed=seed))) for seed in range(400)]
    assert sum(course.differ(float(course.values.max()), float(course.values.min())) for course in courses) <= 3


def test_few_points_are_levels_themselves() -> None:
    course = levels(series([3.0, 2.0, np.nan, 1.0]))
    assert course.values.tolist() == [3.0, 2.0, 1.0]
    assert course.steps.tolist() == [1.0, 2.0, 4.0]


def test_a_trend_is_found_through_noise() -> None:
    steps = np.arange(60.0)
    line = trend(steps, noisy(3 - 0.02 * steps, noise=0.1))
    assert line.slope == pytest.approx(-0.02, rel=0.2)
    assert line.falls
    flat = trend(steps, noisy(np.zeros(60), noise=0.1))
    assert not flat.falls
    assert not flat.rises


def test_medians_around_each_value() -> None:
    values = np.random.default_rng(0).random(30)
    found = median_filter(values, 5)
    mirrored = np.concatenate([values[:2][::-1], values, values[-2:][::-1]])
    assert found == pytest.approx([np.median(mirrored[place : place + 5]) for place in range(30)])


def test_entropy_of_an_even_distribution_is_the_logarithm_of_its_size() -> None:
    assert entropy(np.array([5.0, 5.0, 5.0, 5.0, 0.0])) == pytest.approx(np.log(4))
