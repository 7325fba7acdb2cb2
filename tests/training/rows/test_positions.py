"""Where the tokens of a row stand in the store: read from there, they are the row."""

from __future__ import annotations

import numpy as np
import pytest
from rows_by_hand import corpus

from danlu.artifacts.tokens import TokenStore
from danlu.models.masking import Shares
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.documents import DocumentRows
from danlu.training.rows.masked import MaskedRows
from danlu.training.rows.packed import PackedRows
from danlu.training.rows.pairs import PairRows
from danlu.training.rows.row import SourceRows
from danlu.training.rows.stairs import Stairs
from encoder_toys import BEGIN, END, FRAME, make_documents, mask_vocabulary
from packed_rows import make_store

DOCUMENTS = make_documents([23, 9, 40, 17, 5, 33, 12, 28, 3])
PACKED = make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]])
NUMBERED = corpus([3, 7, 2, 9, 1, 4, 4, 8])
CONTIGUOUS = ContiguousRows(NUMBERED, Stairs.of([0, 4], [3, 7]), 1)


@pytest.mark.parametrize(
    ("store", "rows"),
    [
        (PACKED, PackedRows(PACKED, 3)),
        (NUMBERED, CONTIGUOUS),
        (NUMBERED, ContiguousRows(NUMBERED, 11, 2, isolate_documents=False)),
        (DOCUMENTS, DocumentRows(DOCUMENTS, 14, 0)),
        (DOCUMENTS, PairRows(DOCUMENTS, FRAME, 20, 5)),
        (
            DOCUMENTS,
            MaskedRows(ContiguousRows(DOCUMENTS, 32, 0), mask_vocabulary(), Shares(), 0, whole_words=True).with_lengths(
                Stairs.of([0, 2], [16, 32])
            ),
        ),
    ],
)
def test_tokens_read_from_their_positions_are_the_row(store: TokenStore, rows: SourceRows) -> None:
    whole = store.input_ids(0, store.num_tokens)
    for place in range(3 * rows.num_rows + 2):
        row, positions = rows.row(place), rows.positions(place)
        assert positions.shape == row.input_ids.shape
        inside = positions >= 0
        assert np.array_equal(whole[positions[inside]], row.input_ids[inside])
        # Only what stands around the segments of pairs is put in.
        assert set(row.input_ids[~inside].tolist()) <= {BEGIN, END}
        assert bool((~inside).any()) == isinstance(rows, PairRows)
