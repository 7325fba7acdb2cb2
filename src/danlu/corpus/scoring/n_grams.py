"""A model of n-grams of characters. Its perplexity is per character, so that texts of any length compare.

Characters serve for English too: no word is unknown, and five of them hold what two or three words would. One core
scores 8 to 12 MB/s, since most looks into the table miss the processor's caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from danlu.corpus.scoring.n_gram_kernels import put, sum_logarithms
from danlu.corpus.scoring.smoothing import smooth
from danlu.corpus.text_batch import TextBatch
from danlu.errors import UserError

FILE = "n_grams.safetensors"
FULLEST = 0.75
"""Share of the table's slots that may be taken."""


@dataclass(frozen=True)
class NGramModel:
    """A `danlu.corpus.scoring.scorer.Scorer`: perplexity per character."""

    prints: npt.NDArray[np.uint32]
    """Shape (slots,), as are the next two; see `danlu.corpus.scoring.n_gram_kernels`."""
    probabilities: npt.NDArray[np.float32]
    """Natural logarithms."""
    back_offs: npt.NDArray[np.float32]
    """Natural logarithms."""
    longest: int
    """Characters in an n-gram."""
    unseen: float
    """Of a character that was never seen; natural logarithm."""

    @property
    def num_n_grams(self) -> int:
        return int((self.prints != 0).sum())

    def log_likelihoods(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """The natural logarithm of each text's probability."""
        batch = TextBatch.of(texts)
        return sum_logarithms(
            batch.codes, batch.starts, self.prints, self.probabilities, self.back_offs, self.longest, self.unseen
        )

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Perplexity per character: 1 and more; not a number for an empty text."""
        lengths = np.array([len(text) for text in texts], float)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.exp(-self.log_likelihoods(texts) / lengths))

    def save(self, directory: Path) -> None:
        arrays = {"prints": self.prints, "probabilities": self.probabilities, "back_offs": self.back_offs}
        save_file({**arrays, "longest": np.array([self.longest]), "unseen": np.array([self.unseen])}, directory / FILE)

    @classmethod
    def load(cls, directory: Path) -> NGramModel:
        """
        Raises:
            UserError: the arrays are no table, which compiled loops would not notice.
        """
        tensors = load_file(directory / FILE)
        prints = tensors["prints"]
        is_table = len(prints) & (len(prints) - 1) == 0 and (prints == 0).any()
        if not is_table or any(tensors[name].shape != prints.shape for name in ("probabilities", "back_offs")):
            raise UserError(f"{directory.name}/{FILE} is no table of n-grams.", "Run its stage again to make it anew.")
        return cls(
            prints,
            tensors["probabilities"],
            tensors["back_offs"],
            int(tensors["longest"][0]),
            float(tensors["unseen"][0]),
        )


def train(texts: Sequence[str], longest: int, min_count: int) -> NGramModel:
    """Learn from texts, which are not empty."""
    lengths, unseen = smooth(texts, longest, min_count)
    slots = 16
    while slots * FULLEST < sum(len(each.hashes) for each in lengths):
        slots *= 2
    model = NGramModel(
        np.zeros(slots, np.uint32),
        np.zeros(slots, np.float32),
        np.zeros(slots, np.float32),
        longest,
        float(np.log(unseen)),
    )
    for each in lengths:
        logarithms = (np.log(numbers).astype(np.float32) for numbers in (each.probabilities, each.back_offs))
        put(model.prints, model.probabilities, model.back_offs, each.hashes, *logarithms)
    return model
