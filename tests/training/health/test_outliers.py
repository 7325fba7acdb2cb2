"""What is far above the steps before, by the formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from danlu.training.health.outliers import Outliers, robust_deviations
from danlu.training.health.settings import OutlierSettings


def test_deviations_are_those_of_scipy() -> None:
    before = np.random.default_rng(0).normal(5.0, 2.0, 101)
    median, deviations = robust_deviations(17.0, before)
    spread = median_abs_deviation(before, scale="normal")
    assert median == np.median(before)
    assert deviations == pytest.approx((17.0 - median) / spread, rel=1e-3)


def test_a_flat_curve_has_a_spread_all_the_same() -> None:
    flat = np.full(50, 4.0)
    assert robust_deviations(4.0, flat) == (4.0, 0.0)
    assert robust_deviations(6.0, flat)[1] == pytest.approx(10.0)


def seen(outliers: Outliers, num_steps: int, seed: int = 0) -> Outliers:
    generator = np.random.default_rng(seed)
    for _ in range(num_steps):
        outliers.add(3.0 + 0.1 * generator.normal(), 1.0 + 0.1 * generator.normal())
    return outliers


def test_loss_and_norm_are_looked_at_after_warming_up() -> None:
    settings = OutlierSettings(window=40, warmup_steps=20)
    assert seen(Outliers(settings), 19).why(100.0, 100.0) is None
    outliers = seen(Outliers(settings), 60)
    assert outliers.why(3.3, 1.3) is None
    assert outliers.why(0.0, 0.0) is None  # below is none
    assert (outliers.why(9.0, 1.0) or "").startswith("its loss 9 is ")
    assert (outliers.why(3.0, 9.0) or "").startswith("its gradient norm 9 is ")


def test_a_curve_that_falls_has_no_outliers() -> None:
    outliers = Outliers(OutlierSettings(window=50, warmup_steps=10))
    generator = np.random.default_rng(1)
    for step in range(500):
        loss, norm = 2 + 8 * np.exp(-step / 50) + 0.05 * generator.normal(), 1 + 0.2 * generator.normal()
        assert outliers.why(loss, norm) is None
        outliers.add(loss, norm)


def test_only_the_window_is_remembered_and_its_state_is_all_of_it() -> None:
    settings = OutlierSettings(window=10, warmup_steps=5)
    outliers = seen(Outliers(settings), 30)
    assert outliers.why(30.0, 1.0)
    for _ in range(10):
        outliers.add(30.0, 1.0)
    assert outliers.why(30.0, 1.0) is None

    one, other = seen(Outliers(settings), 13), Outliers(settings)
    other.load_state_dict(one.state_dict())
    for number in range(20):
        value = 3.0 + 0.1 * number
        assert one.why(value, value) == other.why(value, value)
        one.add(value, value)
        other.add(value, value)
