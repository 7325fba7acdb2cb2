"""Intervals and p-values against formulas, brute force, and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from danlu.evaluation.config import BootstrapConfig
from danlu.evaluation.scoring import Scores
from danlu.evaluation.statistics import (
    compare,
    loss_interval,
    perplexity,
    perplexity_interval,
    sign_flip_p_value,
)

CONFIG = BootstrapConfig(samples=4000, seed=1)


def scores(num_rows: int, *, level: float = 2.0, seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    tokens = rng.integers(5, 100, num_rows)
    return Scores(tokens * rng.normal(level, 0.3, num_rows), tokens)


def test_interval_of_a_mean_is_close_to_the_textbook_one() -> None:
    rng = np.random.default_rng(0)
    values = Scores(rng.normal(2.0, 0.5, 400) * 10, np.full(400, 10))  # equal rows: the ratio is a plain mean
    half = 1.96 * values.row_losses.std(ddof=1) / math.sqrt(400)
    low, high = loss_interval(values, CONFIG)
    assert low == pytest.approx(values.loss - half, abs=0.1 * half)
    assert high == pytest.approx(values.loss + half, abs=0.1 * half)


def test_interval_of_a_ratio_is_close_to_the_delta_method() -> None:
    values = scores(500)
    tokens, loss = values.num_tokens, values.loss
    residuals = values.nll - loss * tokens
    half = 1.96 * math.sqrt((residuals**2).sum()) / tokens.sum()
    low, high = loss_interval(values, CONFIG)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert low < loss < high


def test_large_data_uses_percentiles_that_agree_with_a_plain_bootstrap() -> None:
    values = scores(2100)
    low, high = loss_interval(values, CONFIG)
    rng = np.random.default_rng(5)
    drawn = rng.integers(0, 2100, (2000, 2100))
    losses = values.nll[drawn].sum(1) / values.num_tokens[drawn].sum(1)
    expected = np.quantile(losses, [0.025, 0.975])
    assert [low, high] == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]))


def test_intervals_cover_as_often_as_they_say() -> None:
    """300 small data sets with a known loss of 2: a 90 % interval should hold it about 270 times."""
    config = BootstrapConfig(samples=300, confidence=0.9)
    held = 0
    for seed in range(300):
        low, high = loss_interval(scores(30, seed=seed), config)
        held += low <= 2.0 <= high
    assert 0.83 < held / 300 < 0.95


def test_the_same_seed_gives_the_same_interval() -> None:
    assert loss_interval(scores(50), CONFIG) == loss_interval(scores(50), CONFIG)


def test_pairing_makes_a_small_steady_difference_visible() -> None:
    base = scores(60)
    better = Scores(base.nll - 0.02 * base.num_tokens, base.num_tokens)
    difference = compare("tuned", better, "base", base, CONFIG)
    assert difference.mean == pytest.approx(-0.02)
    assert difference.interval[0] <= difference.mean <= difference.interval[1] < 0
    assert difference.p_value < 0.001
    assert difference.num_better == 60
    # Seen apart, the two intervals overlap almost wholly.
    assert loss_interval(better, CONFIG)[1] > loss_interval(base, CONFIG)[0]


def test_no_difference_is_no_difference() -> None:
    base = scores(20)
    difference = compare("same", base, "base", base, CONFIG)
    assert (difference.mean, difference.interval, difference.p_value) == (0.0, (0.0, 0.0), 1.0)
    assert difference.num_better == 0


def test_identical_rows_have_an_interval_of_no_width() -> None:
    tokens = np.full(9, 7)
    assert loss_interval(Scores(tokens * 1.5, tokens), CONFIG) == pytest.approx((1.5, 1.5))


@pytest.mark.parametrize("num_rows", [2, 5, 9])
def test_p_value_equals_that_of_every_sign_pattern(num_rows: int) -> None:
    differences = np.random.default_rng(num_rows).normal(-0.5, 1.0, num_rows)
    totals = [
        sum(sign * value for sign, value in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=num_rows)
    ]
    observed = differences.sum()
    expected = sum(abs(total) >= abs(observed) - 1e-12 for total in totals) / len(totals)
    assert sign_flip_p_value(differences, CONFIG) == pytest.approx(expected)


def test_p_value_of_many_rows_agrees_with_the_t_test() -> None:
    from scipy import stats

    differences = np.random.default_rng(8).normal(0.12, 1.0, 200)
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert sign_flip_p_value(differences, BootstrapConfig(samples=20_000)) == pytest.approx(expected, rel=0.15)


def test_perplexity_is_the_exponential_of_the_loss() -> None:
    assert perplexity(math.log(7)) == pytest.approx(7)
    assert perplexity_interval((0.0, 1.0)) == pytest.approx((1.0, math.e))
    assert math.isfinite(perplexity(1e6))
