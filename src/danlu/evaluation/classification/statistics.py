"""How often a classifier is right, how sure that is, and how much more often than another or than guessing.

Drawing rows again with replacement draws the cells of the confusion matrix from a multinomial distribution, so that
intervals need no rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.evaluation.config import BootstrapConfig
from danlu.evaluation.statistics import Interval

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AccuracyDifference:
    """Of two ways to name the class of the same rows."""

    mean: float
    """Share of right answers more than the other has."""
    interval: Interval
    p_value: float
    """Of McNemar's exact test (1947), two-sided: were both equally good, how often would the rows on which only one is
    right fall so unevenly."""


def confusion(truth: Classes, predicted: Classes, num_classes: int) -> npt.NDArray[np.int64]:
    """Shape (num_classes, num_classes): rows by true class, then by predicted class."""
    from sklearn.metrics import confusion_matrix

    matrix: npt.NDArray[np.int64] = confusion_matrix(truth, predicted, labels=np.arange(num_classes))
    return matrix


def accuracy_of(matrices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Shape (...): from confusion matrices of shape (..., classes, classes)."""
    right: npt.NDArray[np.float64] = np.trace(matrices, axis1=-2, axis2=-1) / matrices.sum((-2, -1))
    return right


def macro_f1_of(matrices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Shape (...): the mean over classes of 2 hits / (named + there); 0 for a class that is neither."""
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    both = matrices.sum(-1) + matrices.sum(-2)
    f1: npt.NDArray[np.float64] = (2 * hits / np.maximum(both, 1)).mean(-1)
    return f1


def intervals(matrix: npt.NDArray[np.int64], config: BootstrapConfig) -> tuple[Interval, Interval]:
    """Of the accuracy and of the macro F1."""
    drawn = _draw(matrix.ravel(), config).reshape(-1, *matrix.shape)
    return _percentiles(accuracy_of(drawn), config), _percentiles(macro_f1_of(drawn), config)


def compare(
    right: npt.NDArray[np.bool_], other_right: npt.NDArray[np.bool_], config: BootstrapConfig
) -> AccuracyDifference:
    """The paired difference of two shares of right answers.

    Args:
        right, other_right: Shape (num_rows,): whether each was right.
    """
    from scipy import stats

    only, only_other = int((right & ~other_right).sum()), int((~right & other_right).sum())
    cells = np.array([only, only_other, len(right) - only - only_other])
    drawn = _draw(cells, config)
    p_value = float(stats.binomtest(only, only + only_other).pvalue) if only + only_other else 1.0
    differences = (drawn[:, 0] - drawn[:, 1]) / len(right)
    return AccuracyDifference((only - only_other) / len(right), _percentiles(differences, config), p_value)


def _draw(cells: npt.NDArray[np.int64], config: BootstrapConfig) -> npt.NDArray[np.int64]:
    """Shape (samples, cells): as many rows as there are, drawn again, counted by cell."""
    generator = np.random.default_rng(config.seed)
    return generator.multinomial(cells.sum(), cells / cells.sum(), config.samples)


def _percentiles(values: npt.NDArray[np.float64], config: BootstrapConfig) -> Interval:
    tail = (1 - config.confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
