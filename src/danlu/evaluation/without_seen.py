"""Scores with and without the rows that models were trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluation.classification.results import ClassificationResults
from danlu.evaluation.config import BootstrapConfig
from danlu.evaluation.contamination import Contamination
from danlu.evaluation.results import Results
from danlu.evaluation.scoring import Scores
from danlu.evaluation.statistics import loss_interval

FEWEST_ROWS = 2
"""For an interval."""


def with_losses(results: Results, found: Contamination, bootstrap: BootstrapConfig) -> Results:
    """Losses on the rows that no model saw, the same ones for all, and on those that each saw."""
    scores = {}
    for model in results.models:
        clean, seen = _of(model.scores, found.is_clean), _of(model.scores, found.is_seen(model.name))
        scores[model.name] = {
            "loss": model.loss,
            "loss_without_seen": clean.loss if clean else None,
            "loss_without_seen_interval": (
                list(loss_interval(clean, bootstrap)) if clean and len(clean.nll) >= FEWEST_ROWS else None
            ),
            "loss_of_seen": seen.loss if seen else None,
        }
    return replace(results, contamination=replace(found, scores=scores))


def with_accuracies(results: ClassificationResults, found: Contamination) -> ClassificationResults:
    """The same of the shares of rows whose class is told right."""
    scores = {}
    for classifier in results.classifiers:
        right = classifier.predicted == results.truth
        scores[classifier.name] = {
            "accuracy": classifier.accuracy,
            "accuracy_without_seen": _mean(right[found.is_clean]),
            "accuracy_of_seen": _mean(right[found.is_seen(classifier.name)]),
        }
    return replace(results, contamination=replace(found, scores=scores))


def _of(scores: Scores, chosen: npt.NDArray[np.bool_]) -> Scores | None:
    return Scores(scores.nll[chosen], scores.num_tokens[chosen]) if chosen.any() else None


def _mean(values: npt.NDArray[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None
