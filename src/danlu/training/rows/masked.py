"""Rows of which some tokens are hidden, as a pure function of (rows, seed, place): another choice in every epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from danlu.models.masking import MaskVocabulary, Shares, hide
from danlu.training.rows.order import generator
from danlu.training.rows.row import Row, SourceRows, Workload
from danlu.training.rows.stairs import Stairs

STREAM = 0x3A5C
"""Tells the choice of tokens from other draws of the same seed."""


class MaskedRows:
    """Some rows with tokens hidden in them.

    Args:
        rows: What to hide tokens of.
        vocabulary: Of their tokenizer.
        shares: How much is hidden.
        seed: Of the choice.
        whole_words: Whether a word is hidden as a whole; the rows say where words begin.
    """

    def __init__(
        self, rows: SourceRows, vocabulary: MaskVocabulary, shares: Shares, seed: int, *, whole_words: bool
    ) -> None:
        self.share_documents = rows.share_documents
        self.epoch_tokens = rows.epoch_tokens
        self.num_tokens = rows.num_tokens
        self.names = rows.names
        self.positions = rows.positions
        self._rows = rows
        self._vocabulary = vocabulary
        self._shares = shares
        self._seed = seed
        self._whole_words = whole_words

    @property
    def num_rows(self) -> int:
        return self._rows.num_rows

    def with_lengths(self, lengths: Stairs) -> MaskedRows:
        rows = self._rows.with_lengths(lengths)
        return MaskedRows(rows, self._vocabulary, self._shares, self._seed, whole_words=self._whole_words)

    def row(self, place: int) -> Row:
        row = self._rows.row(place)
        draws = generator(self._seed, STREAM, place)
        word_starts: npt.NDArray[np.bool_] | None = None
        if self._whole_words:
            assert row.word_starts is not None
            word_starts = row.word_starts.copy()
            word_starts[np.cumsum(row.document_lengths) - row.document_lengths] = True
        chosen, seen = hide(row.input_ids, word_starts, self._vocabulary, self._shares, draws)
        return replace(row, supervised=chosen, seen=seen)

    def workload(self, num_rows: int) -> Workload:
        """The targets are those to be expected if no token were special, so a few more than there are."""
        load = self._rows.workload(num_rows)
        return replace(
            load,
            num_targets=self._shares.chosen * load.num_tokens,
            num_pairs=2 * load.num_pairs - load.num_tokens,  # n (n + 1) / 2 -> n^2
        )
