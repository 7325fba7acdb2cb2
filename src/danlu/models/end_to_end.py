"""Documents laid end to end as one flat sequence, filled up as `danlu.models.shapes` says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from danlu.models.attention import DocumentLayout
from danlu.models.shapes import filling


class EndToEnd:
    """Where the tokens of documents lie. What fills up comes last, as a document of its own.

    Args:
        lengths: Of the documents, in tokens.
        row_length: In tokens, where the documents make rows of one length.
    """

    def __init__(self, lengths: Sequence[int] | npt.NDArray[np.int64], row_length: int | None = None) -> None:
        ends = np.cumsum(lengths, dtype=np.int64)
        self.num_tokens = int(ends[-1])
        """Of the documents, without what fills up."""
        self.firsts: npt.NDArray[np.int64] = ends - lengths
        """(num_documents,) places of the documents' first tokens."""
        self.num_filled = filling(self.num_tokens)
        all_lengths = np.append(lengths, self.num_filled) if self.num_filled else np.asarray(lengths)
        self.documents = DocumentLayout(tuple(all_lengths.tolist()), row_length=None if self.num_filled else row_length)
        starts = np.append(self.firsts, self.num_tokens) if self.num_filled else self.firsts
        self.position_ids: npt.NDArray[np.int64] = np.arange(self.num_tokens + self.num_filled) - np.repeat(
            starts, all_lengths
        )
        """(num_tokens + num_filled,) begins again at 0 with each document."""

    def fill(self, values_T: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Something of each token, filled up with zeros."""
        return np.pad(values_T, (0, self.num_filled)) if self.num_filled else values_T
