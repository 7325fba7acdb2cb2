"""Scores of classifiers beside scikit-learn's and the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score

from danlu.evaluation.classification.results import ClassificationResults
from danlu.evaluation.classification.statistics import accuracy_of, compare, confusion, intervals, macro_f1_of
from danlu.evaluation.config import BootstrapConfig

FEW = BootstrapConfig(samples=4000)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=60)


@given(rows=ROWS)
@settings(deadline=None, max_examples=40)
def test_scores_are_scikit_learns(rows: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(rows).T
    matrix = confusion(truth, predicted, 3)
    assert accuracy_of(matrix) == pytest.approx(accuracy_score(truth, predicted))
    expected = f1_score(truth, predicted, labels=[0, 1, 2], average="macro", zero_division=0)
    assert macro_f1_of(matrix) == pytest.approx(expected)


def test_intervals_are_those_of_drawing_rows_again() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 200)
    predicted = np.where(generator.random(200) < 0.7, truth, generator.integers(0, 3, 200))
    slow = []
    for _ in range(2000):
        rows = generator.integers(0, 200, 200)
        matrix = confusion(truth[rows], predicted[rows], 3)
        slow.append((float(accuracy_of(matrix)), float(macro_f1_of(matrix))))
    found = intervals(confusion(truth, predicted, 3), FEW)
    for interval, values in zip(found, np.array(slow).T, strict=True):
        assert interval == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.012)


def test_differences_are_paired_and_tested_exactly() -> None:
    right, other = (
        np.repeat([True, True, False, False], [50, 12, 3, 35]),
        np.repeat([True, False, True, False], [50, 12, 3, 35]),
    )
    difference = compare(right, other, FEW)
    assert difference.mean == pytest.approx(0.09)
    assert difference.p_value == pytest.approx(stats.binomtest(12, 15).pvalue)
    low, high = difference.interval
    assert low < 0.09 < high
    # Normal approximation of a paired difference of shares.
    half = 1.96 * np.sqrt((0.15 - 0.09**2) / 100)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert compare(right, right, FEW).p_value == 1.0


def test_results_say_who_is_better_than_guessing() -> None:
    truth = np.array([0] * 60 + [1] * 40)
    good, bad = truth.copy(), np.zeros(100, np.int64)
    good[:5] = 1
    results = ClassificationResults.of(
        {"bad": ("a" * 16, bad), "good": ("b" * 16, good)},
        truth=truth, classes=["x", "y"], majority=0, bootstrap=FEW,
        row_ids=[str(number) for number in range(100)], dropped=[], data="rows.test", precision="float32",
    )  # fmt: skip
    facts = results.facts()
    assert facts["accuracy"] == {"bad": 0.6, "good": 0.95}
    assert facts["majority_accuracy"] == 0.6
    assert facts["above_majority"]["bad"] == {"mean": 0.0, "interval": [0.0, 0.0], "p_value": 1.0}
    assert facts["above_majority"]["good"]["p_value"] < 1e-6
    assert facts["confusion"]["good"] == [[55, 5], [0, 40]]
    assert facts["by_class"]["good"]["y"]["recall"] == 1.0
    assert "It is better than bad" in results.summary
