"""A linear classifier of texts: learnt by scikit-learn's logistic regression, and asked by one compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from danlu.corpus.scoring.features import points_of, sum_weights
from danlu.corpus.scoring.tokens import token_table
from danlu.corpus.text_batch import TextBatch
from danlu.errors import UserError

FILE = "weights.safetensors"
MOST_ITERATIONS = 200


@dataclass(frozen=True)
class Classifier:
    """A `danlu.corpus.scoring.scorer.Scorer`: how probable it is that a text is good."""

    weights: npt.NDArray[np.float32]
    """By bucket."""
    bias: float
    longest: int
    """Words in an n-gram."""

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """From 0 to 1."""
        batch = TextBatch.of(texts)
        sums = sum_weights(batch.codes, batch.starts, token_table(), self.longest, self.weights)
        return np.asarray(1.0 / (1.0 + np.exp(-(sums + self.bias))))

    def save(self, directory: Path) -> None:
        tensors = {"weights": self.weights, "bias": np.array([self.bias]), "longest": np.array([self.longest])}
        save_file(tensors, directory / FILE)

    @classmethod
    def load(cls, directory: Path) -> Classifier:
        """
        Raises:
            UserError: the number of weights is no power of two, which compiled loops would not notice.
        """
        tensors = load_file(directory / FILE)
        weights = tensors["weights"]
        if weights.ndim != 1 or not len(weights) or len(weights) & (len(weights) - 1):
            raise UserError(f"{directory.name}/{FILE} holds no classifier.", "Run its stage again to make it anew.")
        return cls(weights, float(tensors["bias"][0]), int(tensors["longest"][0]))


def train(good: list[str], bad: list[str], longest: int, buckets: int, strength: float) -> Classifier:
    """Learn to tell texts apart. Both sides weigh the same, however many texts each has.

    Raises:
        UserError: scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise UserError(
            "method: classifier needs the package scikit-learn, which is not installed.",
            "Install it with: pip install 'danlu[classification]'",
        ) from error
    from scipy.sparse import csr_matrix

    rows, columns, values = points_of([*good, *bad], longest, buckets)
    points: Any = csr_matrix((values, columns, rows), shape=(len(rows) - 1, buckets))
    labels = np.array([1] * len(good) + [0] * len(bad))
    model = LogisticRegression(C=strength, class_weight="balanced", solver="lbfgs", max_iter=MOST_ITERATIONS)
    model.fit(points, labels)
    return Classifier(model.coef_[0].astype(np.float32), float(model.intercept_[0]), longest)
