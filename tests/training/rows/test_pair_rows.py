"""Pairs of segments are a pure function of (store, seed, place), and hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import counted

from danlu.errors import UserError
from danlu.training.rows.pairs import DOES_NOT, FOLLOWS, PairRows
from encoder_toys import BEGIN, END, FRAME, make_documents

STORE = make_documents([23, 9, 40, 17, 5, 33, 12, 28, 3])
LENGTHS = st.lists(st.integers(2, 40), min_size=6, max_size=12)


@given(lengths=LENGTHS, length=st.integers(7, 40), seed=st.integers(0, 3))
@settings(deadline=None, max_examples=50)
def test_pairs_are_segments_of_documents(lengths: list[int], length: int, seed: int) -> None:
    store = make_documents([*lengths, 9, 11])
    rows, whole = PairRows(store, FRAME, length, seed), store.input_ids(0, store.num_tokens).tolist()
    texts = [
        whole[start + 1 : end - 1]
        for start, end in zip(store.document_offsets[:-1], store.document_offsets[1:], strict=True)
    ]
    places = np.arange(2 * rows.num_rows)
    drawn = [rows.row(place) for place in places.tolist()]
    assert rows.num_tokens(len(places)) == sum(len(row.input_ids) for row in drawn)
    for row in drawn:
        ids = row.input_ids.tolist()
        assert len(ids) <= length
        assert ids[0] == BEGIN
        (first_end, second_end) = np.flatnonzero(row.input_ids == END).tolist()
        assert second_end == len(ids) - 1
        first, second = ids[1:first_end], ids[first_end + 1 : second_end]
        assert first
        assert second
        assert row.segments is not None
        assert row.segments.tolist() == [0] * (first_end + 1) + [1] * (len(second) + 1)
        homes = [number for number, text in enumerate(texts) if holds(text, first)]
        assert homes
        assert row.labels is not None
        if row.labels[0] == FOLLOWS:
            assert any(holds(text, first + second) for text in texts)
        else:
            assert any(holds(text, second) for number, text in enumerate(texts) if [number] != homes)


def holds(text: list[int], part: list[int]) -> bool:
    return any(text[start : start + len(part)] == part for start in range(len(text) - len(part) + 1))


def test_half_of_the_pairs_follow_each_other_and_cuts_lie_before_words() -> None:
    store = make_documents([30] * 500)
    rows = PairRows(store, FRAME, 40, seed=0)
    drawn = [rows.row(place) for place in range(1000)]
    labels = np.array([row.labels[0] for row in drawn if row.labels is not None])
    assert np.mean(labels == DOES_NOT) == pytest.approx(0.5, abs=0.05)
    begins = []
    for row in drawn:
        assert row.word_starts is not None
        begins.append(row.word_starts[np.flatnonzero(row.input_ids == END)[0] + 1])
    # Where no word begins any more before the end (0.4 + 0.4^2 + ... of 27 places), the cut stays where it was drawn.
    assert np.mean(begins) == pytest.approx(1 - 0.67 / 27, abs=0.015)
    assert [row.input_ids.tolist() for row in drawn[:500]] != [row.input_ids.tolist() for row in drawn[500:]]


def test_pairs_need_documents_and_room() -> None:
    with pytest.raises(UserError, match="pairs need two documents"):
        PairRows(make_documents([40, 3, 4]), FRAME, 32, seed=0)
    with pytest.raises(UserError, match="and rows of 6"):
        PairRows(STORE, FRAME, 6, seed=0)


def test_pairs_say_how_much_work_they_are_and_can_be_asked_for_alone() -> None:
    rows = PairRows(STORE, FRAME, 30, seed=2)
    assert rows.workload(rows.num_rows).num_tokens == rows.epoch_tokens
    for num_rows in (0, 1, 5, rows.num_rows, 3 * rows.num_rows + 2):
        assert rows.workload(num_rows) == counted(PairRows(STORE, FRAME, 30, seed=2), num_rows)
        assert rows.num_tokens(num_rows) == rows.workload(num_rows).num_tokens
    for place in (30, 2, 17):
        assert np.array_equal(rows.row(place).input_ids, PairRows(STORE, FRAME, 30, seed=2).row(place).input_ids)
