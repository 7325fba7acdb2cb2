"""Rows for encoders are pure functions of (store, seed, place), and hold what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.models.masking import Shares
from danlu.training.document_rows import DocumentRows
from danlu.training.masked_rows import MaskedRows
from danlu.training.pair_rows import DOES_NOT, FOLLOWS, PairRows
from danlu.training.rows import ContiguousRows
from encoder_toys import BEGIN, END, FRAME, make_documents, mask_vocabulary

STORE = make_documents([23, 9, 40, 17, 5, 33, 12, 28, 3])
LENGTHS = st.lists(st.integers(2, 40), min_size=6, max_size=12)


def masked(store: TokenStore, seed: int = 0) -> MaskedRows:
    rows = ContiguousRows(store, 32, seed)
    return MaskedRows(rows, mask_vocabulary(), Shares(), seed, whole_words=True)


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("input_ids", "supervised", "seen"))


@given(place=st.integers(0, 400), seed=st.integers(0, 3))
@settings(deadline=None, max_examples=50)
def test_any_masked_row_can_be_asked_for_alone(place: int, seed: int) -> None:
    one, other = masked(STORE, seed), masked(STORE, seed)
    for earlier in range(min(place, 5)):
        one.row(earlier)
    assert same(one.row(place), other.row(place))
    assert np.array_equal(one.row(place).input_ids, ContiguousRows(STORE, 32, seed).row(place).input_ids)


def test_each_epoch_hides_something_else() -> None:
    store = make_documents([64])
    rows = MaskedRows(ContiguousRows(store, 64, 0), mask_vocabulary(), Shares(), 0, whole_words=True)
    assert len({rows.row(place).supervised.tobytes() for place in range(20)}) == 20


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
    assert rows.num_tokens(places).tolist() == [len(row.input_ids) for row in drawn]
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
    assert rows.num_cut == sum(end > length for end in STORE.document_lengths.tolist())
    assert rows.num_tokens(np.arange(9)).tolist() == [len(rows.row(place).input_ids) for place in range(9)]


def test_the_fingerprint_sees_words_and_classes() -> None:
    assert STORE.word_starts is not None
    assert STORE.labels is not None
    others = [
        replace(STORE, word_starts=~STORE.word_starts),
        replace(STORE, word_starts=None),
        replace(STORE, labels=STORE.labels[::-1].copy()),
        replace(STORE, labels=None),
    ]
    assert len({STORE.fingerprint, *(other.fingerprint for other in others)}) == 5
