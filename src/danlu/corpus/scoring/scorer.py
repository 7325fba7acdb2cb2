"""Kind ``scorer``: ``scorer.json``, which says by what method it is made, and the arrays that the method keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from danlu.corpus.scoring.classifier import Classifier
from danlu.corpus.scoring.n_grams import NGramModel
from danlu.errors import UserError

FILE = "scorer.json"
VERSION = 1
"""Raised when files of before can no longer be read, or would give other numbers."""
METHODS: dict[str, type[Classifier | NGramModel]] = {"classifier": Classifier, "n_grams": NGramModel}


class Scorer(Protocol):
    """Gives texts a number."""

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """One for each text; the same however texts are batched."""
        ...


def save_scorer(scorer: Classifier | NGramModel, method: str, directory: Path) -> None:
    scorer.save(directory)
    (directory / FILE).write_text(json.dumps({"method": method, "version": VERSION}) + "\n", encoding="utf-8")


@cache
def load_scorer(directory: Path) -> Scorer:
    """Read once by a process.

    Raises:
        UserError: it was made by another version.
    """
    content = json.loads((directory / FILE).read_text(encoding="utf-8"))
    if content["version"] != VERSION:
        raise UserError(
            f"The scorer {directory.name} was made by another version of Danlu.", "Run its stage again to make it anew."
        )
    return METHODS[content["method"]].load(directory)
