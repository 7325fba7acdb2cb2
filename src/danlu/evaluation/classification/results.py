"""What an evaluation of classifiers found, as one object that every output is written from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluation.classification.statistics import (
    AccuracyDifference,
    Classes,
    accuracy_of,
    compare,
    confusion,
    intervals,
    macro_f1_of,
)
from danlu.evaluation.config import BootstrapConfig
from danlu.evaluation.contamination import Contamination
from danlu.evaluation.statistics import Interval


@dataclass(frozen=True)
class ClassifierResult:
    """One classifier on all rows."""

    name: str
    id: str
    predicted: Classes
    """Shape (num_rows,)."""
    matrix: npt.NDArray[np.int64]
    """The confusion matrix: by true class, then by predicted class."""
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    above_majority: AccuracyDifference
    """Against always naming the most frequent class of the training split."""
    against_first: AccuracyDifference | None
    """Against the first classifier; None for itself."""


@dataclass(frozen=True)
class ClassificationResults:
    classifiers: list[ClassifierResult]
    classes: list[str]
    truth: Classes
    """Shape (num_rows,)."""
    majority: int
    """The most frequent class of the training split."""
    row_ids: list[str]
    dropped: list[tuple[str, str]]
    """Row id, and why it was left out."""
    data: str
    precision: str
    bootstrap: BootstrapConfig
    contamination: Contamination | None = None
    """What the classifiers saw of the rows; None if nobody looked."""

    @classmethod
    def of(
        cls,
        predictions: dict[str, tuple[str, Classes]],
        *,
        truth: Classes,
        classes: list[str],
        majority: int,
        bootstrap: BootstrapConfig,
        **rest: Any,
    ) -> ClassificationResults:
        """From the artifact's id and the predictions of each classifier by name."""
        classifiers: list[ClassifierResult] = []
        guessed = truth == majority
        for name, (identity, predicted) in predictions.items():
            matrix = confusion(truth, predicted, len(classes))
            accuracy_interval, f1_interval = intervals(matrix, bootstrap)
            right = predicted == truth
            first = classifiers[0].predicted if classifiers else None
            classifiers.append(
                ClassifierResult(
                    name=name,
                    id=identity,
                    predicted=predicted,
                    matrix=matrix,
                    accuracy=float(accuracy_of(matrix)),
                    accuracy_interval=accuracy_interval,
                    macro_f1=float(macro_f1_of(matrix)),
                    macro_f1_interval=f1_interval,
                    above_majority=compare(right, guessed, bootstrap),
                    against_first=None if first is None else compare(right, first == truth, bootstrap),
                )
            )
        return cls(classifiers, classes, truth, majority, bootstrap=bootstrap, **rest)

    @property
    def majority_accuracy(self) -> float:
        return float(np.mean(self.truth == self.majority))

    @property
    def summary(self) -> str:
        """The outcome in one or two sentences."""
        return " ".join(self._sentence(each) for each in self.classifiers)

    def _sentence(self, classifier: ClassifierResult) -> str:
        above = classifier.above_majority
        said = (
            f"{classifier.name} names the right one of {len(self.classes)} classes for {classifier.accuracy:.1%} "
            f"{_range(classifier.accuracy_interval)} of {len(self.row_ids):,} held-out rows, macro F1 "
            f"{classifier.macro_f1:.3f} {_range(classifier.macro_f1_interval)}; always naming "
            f"{self.classes[self.majority]!r} is right for {self.majority_accuracy:.1%} (difference "
            f"{above.mean:+.3f} {_range(above.interval)}, p = {above.p_value:.2g})."
        )
        if classifier.against_first:
            first, difference = self.classifiers[0].name, classifier.against_first
            low, high = difference.interval
            shown = "is better than" if low > 0 else "is worse than" if high < 0 else "cannot be shown to differ from"
            said += (
                f" It {shown} {first}: {difference.mean:+.3f} {_range(difference.interval)}, "
                f"p = {difference.p_value:.2g}."
            )
        return said

    def by_class(self, classifier: ClassifierResult) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and number of rows of each class."""
        from sklearn.metrics import precision_recall_fscore_support

        numbers = precision_recall_fscore_support(
            self.truth, classifier.predicted, labels=np.arange(len(self.classes)), zero_division=0
        )
        names = ("precision", "recall", "f1", "num_rows")
        return {
            label: dict(zip(names, (float(column[place]) for column in numbers), strict=True))
            for place, label in enumerate(self.classes)
        }

    def facts(self) -> dict[str, Any]:
        """What later stages, gates and screens read."""
        each = self.classifiers
        return {
            "accuracy": {one.name: one.accuracy for one in each},
            "accuracy_interval": {one.name: list(one.accuracy_interval) for one in each},
            "macro_f1": {one.name: one.macro_f1 for one in each},
            "macro_f1_interval": {one.name: list(one.macro_f1_interval) for one in each},
            "majority_label": self.classes[self.majority],
            "majority_accuracy": self.majority_accuracy,
            "above_majority": {one.name: _difference(one.above_majority) for one in each},
            "difference": {one.name: _difference(one.against_first) for one in each if one.against_first},
            "classes": self.classes,
            "confusion": {one.name: one.matrix.tolist() for one in each},
            "by_class": {one.name: self.by_class(one) for one in each},
            "confidence": self.bootstrap.confidence,
            "num_rows": len(self.row_ids),
            "num_dropped": len(self.dropped),
            **({"contamination": self.contamination.facts()} if self.contamination else {}),
            "summary": self.summary,
        }

    def to_json(self) -> dict[str, Any]:
        """Content of ``report.json``."""
        return {
            **self.facts(),
            "contamination": self.contamination.to_json() if self.contamination else None,
            "data": self.data,
            "dropped": [{"id": row_id, "reason": reason} for row_id, reason in self.dropped],
            "models": {one.name: one.id for one in self.classifiers},
            "precision": self.precision,
            "bootstrap_samples": self.bootstrap.samples,
        }


def _difference(difference: AccuracyDifference) -> dict[str, Any]:
    return {**asdict(difference), "interval": list(difference.interval)}


def _range(interval: Interval) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"
