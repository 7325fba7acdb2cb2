"""Rows are a pure function of (store, seed, place), and an epoch reads everything once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.artifacts.tokens import TokenStore
from danlu.training.rows import ContiguousRows, PackedRows, Rows, Workload
from packed_rows import make_store

STORE = make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]])
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def corpus(lengths: list[int]) -> TokenStore:
    """Documents whose tokens are numbered through, in shards of four."""
    offsets = np.cumsum([0, *lengths])
    ids = np.arange(offsets[-1], dtype=np.uint16)
    return TokenStore([ids[start : start + 4] for start in range(0, len(ids), 4)], offsets, None, None)


@given(place=st.integers(0, 1000), seed=st.integers(0, 5))
def test_any_packed_row_can_be_asked_for_alone(place: int, seed: int) -> None:
    one, other = PackedRows(STORE, seed), PackedRows(STORE, seed)
    for earlier in range(0, min(place, 12)):
        one.row(earlier)
    assert np.array_equal(one.row(place).input_ids, other.row(place).input_ids)


@given(seed=st.integers(0, 5))
def test_each_epoch_sees_each_packed_row_once(seed: int) -> None:
    order = PackedRows(STORE, seed).indices(np.arange(40))
    for start in range(0, 40, 5):
        assert Counter(order[start : start + 5].tolist()) == Counter(range(5))


def test_seeds_and_epochs_differ() -> None:
    whole = [
        tuple(PackedRows(STORE, seed).indices(np.arange(5) + 5 * epoch)) for seed in range(3) for epoch in range(3)
    ]
    assert len(set(whole)) > 5


@given(lengths=LENGTHS, length=st.integers(1, 11), seed=st.integers(0, 3))
def test_contiguous_rows_read_every_epoch_whole_and_documents_in_one_piece(
    lengths: list[int], length: int, seed: int
) -> None:
    store = corpus(lengths)
    rows = ContiguousRows(store, length, seed)
    places = range(-(-3 * store.num_tokens // length))
    read = np.concatenate([rows.row(place).input_ids for place in places])
    starts = set(store.document_offsets[:-1].tolist())
    for epoch in range(3):
        tokens = read[epoch * store.num_tokens : (epoch + 1) * store.num_tokens]
        assert sorted(tokens.tolist()) == list(range(store.num_tokens))
        # Tokens are numbered through, so that a jump shows where a document begins.
        jumps = [0, *(np.flatnonzero(np.diff(tokens) != 1) + 1).tolist()]
        assert {int(tokens[jump]) for jump in jumps} <= starts


@given(lengths=LENGTHS, length=st.integers(1, 11), isolate=st.booleans())
def test_contiguous_rows_hide_documents_from_each_other(lengths: list[int], length: int, isolate: bool) -> None:
    store = corpus(lengths)
    rows = ContiguousRows(store, length, 0, isolate_documents=isolate)
    for place in range(rows.num_rows + 2):
        row = rows.row(place)
        assert len(row.input_ids) == len(row.supervised) == row.document_lengths.sum() == length
        if not isolate:
            assert row.document_lengths.tolist() == [length]
            continue
        begins = np.cumsum(row.document_lengths) - row.document_lengths
        assert np.flatnonzero(~row.supervised).tolist() == begins.tolist()
        document = np.searchsorted(store.document_offsets, row.input_ids, side="right")
        for begin, count in zip(begins, row.document_lengths, strict=True):
            assert len(set(document[begin : begin + count].tolist())) == 1


def test_any_contiguous_row_can_be_asked_for_alone_and_seeds_differ() -> None:
    store = corpus([3, 7, 2, 9, 1, 4, 4, 8])
    straight = ContiguousRows(store, 5, 1)
    rows = [straight.row(place).input_ids.tolist() for place in range(30)]
    for place in (29, 3, 17):
        assert ContiguousRows(store, 5, 1).row(place).input_ids.tolist() == rows[place]
    assert [ContiguousRows(store, 5, 2).row(place).input_ids.tolist() for place in range(8)] != rows[:8]
    assert rows[:7] != rows[8:15]


def counted(rows: Rows, num_rows: int) -> Workload:
    """The slow way: look at every row."""
    seen = [rows.row(place) for place in range(num_rows)]
    return Workload(
        sum(len(row.input_ids) for row in seen),
        sum(int(row.supervised.sum()) for row in seen),
        sum(int(length) * (int(length) + 1) // 2 for row in seen for length in row.document_lengths),
    )


@pytest.mark.parametrize("num_rows", [0, 1, 4, 5, 13])
@pytest.mark.parametrize("store", [STORE, replace(STORE, supervised=None)])
def test_packed_rows_say_how_much_work_they_are(store: TokenStore, num_rows: int) -> None:
    rows = PackedRows(store, 1)
    assert rows.workload(num_rows) == counted(rows, num_rows)
    assert rows.num_tokens(num_rows) == counted(rows, num_rows).num_tokens
    assert rows.names(np.arange(num_rows + 1))


@given(lengths=LENGTHS, length=st.integers(1, 11), isolate=st.booleans())
def test_contiguous_rows_say_how_much_work_an_epoch_is(lengths: list[int], length: int, isolate: bool) -> None:
    lengths[0] += -sum(lengths) % length  # an epoch of whole rows
    rows = ContiguousRows(corpus(lengths), length, 3, isolate_documents=isolate)
    said, seen = rows.workload(rows.num_rows), counted(rows, rows.num_rows)
    assert said.num_tokens == seen.num_tokens == rows.num_tokens(rows.num_rows)
    assert (said.num_targets, said.num_pairs) == pytest.approx((seen.num_targets, seen.num_pairs))
    assert rows.names(np.arange(3))
