"""Documents stand alone in rows, whole, with their class."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import counted

from danlu.training.rows.curriculum import paced, scores_of
from danlu.training.rows.documents import DocumentRows
from danlu.training.settings import CurriculumSettings
from encoder_toys import END, make_documents

STORE = make_documents([23, 9, 40, 17, 5, 33, 12, 28, 3])


@given(seed=st.integers(0, 3), length=st.integers(2, 45))
@settings(deadline=None, max_examples=50)
def test_documents_stand_alone_with_their_class_and_the_long_ones_are_cut(seed: int, length: int) -> None:
    rows = DocumentRows(STORE, length, seed)
    assert STORE.labels is not None
    found = []
    for place in range(rows.num_rows):
        row = rows.row(place)
        document = int(rows.indices(np.array([place]))[0])
        start, end = STORE.document_offsets[document : document + 2].tolist()
        whole = STORE.input_ids(start, end).tolist()
        assert row.input_ids.tolist() == (whole if len(whole) <= length else [*whole[: length - 1], END])
        assert row.labels is not None
        assert row.labels.tolist() == [STORE.labels[document]]
        found.append(document)
    assert sorted(found) == list(range(STORE.num_documents))
    for num_rows in (0, 4, 9, 21):
        assert rows.num_tokens(num_rows) == sum(len(rows.row(place).input_ids) for place in range(num_rows))


@given(seed=st.integers(0, 3), length=st.integers(2, 45), num_rows=st.integers(0, 40))
@settings(deadline=None, max_examples=50)
def test_documents_say_how_much_work_they_are(seed: int, length: int, num_rows: int) -> None:
    rows = DocumentRows(STORE, length, seed)
    said, seen = rows.workload(num_rows), counted(rows, num_rows)
    assert (said.num_tokens, said.num_targets, said.num_labels) == (seen.num_tokens, 0, num_rows)
    assert said.num_pairs == 2 * seen.num_pairs - seen.num_tokens
    assert rows.epoch_tokens == rows.num_tokens(rows.num_rows)


def test_documents_may_come_from_short_to_long() -> None:
    curriculum = CurriculumSettings(start=0)
    rows = DocumentRows(STORE, 64, 0, paced(0, scores_of(STORE, curriculum), curriculum))
    lengths = [len(rows.row(place).input_ids) for place in range(2 * rows.num_rows)]
    assert sorted(lengths[: rows.num_rows]) == sorted(STORE.document_lengths.tolist())
    assert np.mean(lengths[:4]) < np.mean(lengths[5 : rows.num_rows])
