"""Rows cut out of a corpus are a pure function of (store, seed, place), and an epoch reads every token once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import corpus, counted

from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.stairs import Stairs

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@settings(deadline=None)
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


@settings(deadline=None)
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


@settings(deadline=None)
@given(lengths=LENGTHS, length=st.integers(1, 11), isolate=st.booleans())
def test_contiguous_rows_say_how_much_work_an_epoch_is(lengths: list[int], length: int, isolate: bool) -> None:
    lengths[0] += -sum(lengths) % length  # an epoch of whole rows
    rows = ContiguousRows(corpus(lengths), length, 3, isolate_documents=isolate)
    said, seen = rows.workload(rows.num_rows), counted(rows, rows.num_rows)
    assert said.num_tokens == seen.num_tokens == rows.num_tokens(rows.num_rows)
    assert (said.num_targets, said.num_pairs) == pytest.approx((seen.num_targets, seen.num_pairs))
    assert rows.names(np.arange(3))


@settings(deadline=None)
@given(
    lengths=LENGTHS,
    stairs=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=5),
    isolate=st.booleans(),
)
def test_rows_of_growing_length_read_the_same_tokens(
    lengths: list[int], stairs: list[tuple[int, int]], isolate: bool
) -> None:
    store = corpus(lengths)
    starts = np.cumsum([0, *(count for count, _ in stairs[:-1])])
    grown = ContiguousRows(store, Stairs(starts, np.array([length for _, length in stairs])), 4)
    rows = [grown.row(place) for place in range(20)]
    heights = [length for count, length in stairs[:-1] for _ in range(count)]
    assert [len(row.input_ids) for row in rows] == (heights + [stairs[-1][1]] * 20)[:20]
    read = np.concatenate([row.input_ids for row in rows])
    assert grown.num_tokens(20) == len(read)
    single = ContiguousRows(store, 1, 4)
    assert read.tolist() == [int(single.row(place).input_ids[0]) for place in range(len(read))]
    assert all(ContiguousRows(store, grown.lengths, 4).num_tokens(n) == grown.num_tokens(n) for n in range(20))
