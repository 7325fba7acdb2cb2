"""A row of the batch, and what every endless sequence of rows can say.

Places number the rows of an endless sequence "epoch 0, epoch 1, ...", each in an order of its own, without a seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from danlu.training.rows.stairs import Stairs


@dataclass(frozen=True)
class Row:
    """One row of the batch."""

    input_ids: npt.NDArray[np.int64]
    """Shape (row_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (row_tokens,): True where this very token is a prediction target."""
    document_lengths: npt.NDArray[np.int64]
    """Shape (row_documents,), in tokens; sums to row_tokens. Documents do not see each other."""
    word_starts: npt.NDArray[np.bool_] | None = None
    """Shape (row_tokens,): True where a word begins, as far as the store knows."""
    seen: npt.NDArray[np.int64] | None = None
    """Shape (row_tokens,): what an encoder is shown, which is to say what the supervised tokens are. None: the tokens
    themselves, each of which is predicted from those before it."""
    segments: npt.NDArray[np.int64] | None = None
    """Shape (row_tokens,): 0 in the first segment of a pair, 1 in the second."""
    labels: npt.NDArray[np.int64] | None = None
    """Shape (row_documents,): the class of each document, to be told from its first token."""


@dataclass(frozen=True)
class Workload:
    """How much some rows give a model to do."""

    num_tokens: float
    num_targets: float
    """Supervised tokens."""
    num_pairs: float
    """A token and one it sees, the token itself included: in a document of n tokens n (n + 1) / 2, or n^2 for an
    encoder, whose tokens see each other both ways."""
    num_labels: float = 0
    """Documents whose class is told."""

    def __add__(self, other: Workload) -> Workload:
        return Workload(
            self.num_tokens + other.num_tokens,
            self.num_targets + other.num_targets,
            self.num_pairs + other.num_pairs,
            self.num_labels + other.num_labels,
        )


class Rows(Protocol):
    """An endless sequence of rows."""

    share_documents: bool
    """Whether some row holds several documents that must not see each other."""
    epoch_tokens: int
    """Tokens of one epoch."""

    def with_lengths(self, lengths: Stairs) -> Rows:
        """The same with rows of other lengths, where rows are cut; others stay as they are."""
        ...

    def row(self, place: int) -> Row: ...

    def num_tokens(self, num_rows: int) -> int:
        """Tokens that the first `num_rows` rows hold."""
        ...

    def workload(self, num_rows: int) -> Workload:
        """Of the first `num_rows` rows."""
        ...

    def names(self, places: npt.NDArray[np.int64]) -> str:
        """What to call those rows when something is wrong with them."""
        ...


class SourceRows(Rows, Protocol):
    """Rows of one source."""

    @property
    def num_rows(self) -> int:
        """In one epoch. Where rows straddle epochs, whole ones; at least one."""
        ...

    def with_lengths(self, lengths: Stairs) -> SourceRows: ...

    def positions(self, place: int) -> npt.NDArray[np.int64]:
        """Shape (row_tokens,): where in the store each token of a row stands; -1 for one that was put in."""
        ...


def all_but_first(document_lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Shape (sum of the lengths,): True but for the first token of each document, which nothing precedes."""
    supervised = np.ones(int(document_lengths.sum()), np.bool_)
    supervised[np.cumsum(document_lengths) - document_lengths] = False
    return supervised


def num_pairs(document_lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Shape (documents,): in each, how many pairs of a token and one it sees there are, itself included."""
    return document_lengths * (document_lengths + 1) // 2
