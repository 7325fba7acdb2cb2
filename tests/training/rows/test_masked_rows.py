"""Hidden tokens are a pure function of (rows, seed, place), and others in each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import counted

from danlu.artifacts.tokens import TokenStore
from danlu.models.masking import Shares
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.masked import MaskedRows
from danlu.training.rows.stairs import Stairs
from encoder_toys import make_documents, mask_vocabulary

STORE = make_documents([23, 9, 40, 17, 5, 33, 12, 28, 3])


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


def test_work_is_that_of_both_ways_with_the_targets_to_be_expected() -> None:
    rows = masked(make_documents([30, 50, 16] * 40))
    said, seen = rows.workload(rows.num_rows), counted(rows, rows.num_rows)
    assert said.num_tokens == seen.num_tokens == rows.num_tokens(rows.num_rows) == rows.epoch_tokens
    assert said.num_pairs == pytest.approx(2 * seen.num_pairs - seen.num_tokens)
    assert said.num_targets == pytest.approx(seen.num_targets, rel=0.15)


def test_rows_of_other_lengths_hold_the_same_tokens() -> None:
    rows = masked(STORE)
    grown = rows.with_lengths(Stairs.of([0, 4], [16, 32]))
    straight = np.concatenate([rows.row(place).input_ids for place in range(5)])
    assert np.concatenate([grown.row(place).input_ids for place in range(7)]).tolist() == straight.tolist()
