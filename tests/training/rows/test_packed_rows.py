"""Rows of examples are a pure function of (store, seed, place), and an epoch reads each once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import counted

from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.packed import PackedRows
from packed_rows import make_store

STORE = make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]])


@settings(deadline=None)
@given(place=st.integers(0, 1000), seed=st.integers(0, 5))
def test_any_packed_row_can_be_asked_for_alone(place: int, seed: int) -> None:
    one, other = PackedRows(STORE, seed), PackedRows(STORE, seed)
    for earlier in range(0, min(place, 12)):
        one.row(earlier)
    assert np.array_equal(one.row(place).input_ids, other.row(place).input_ids)


@settings(deadline=None)
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


@pytest.mark.parametrize("num_rows", [0, 1, 4, 5, 13])
@pytest.mark.parametrize("store", [STORE, replace(STORE, supervised=None)])
def test_packed_rows_say_how_much_work_they_are(store: TokenStore, num_rows: int) -> None:
    rows = PackedRows(store, 1)
    assert rows.workload(num_rows) == counted(rows, num_rows)
    assert rows.num_tokens(num_rows) == counted(rows, num_rows).num_tokens
    assert rows.names(np.arange(num_rows + 1))
