"""Batches are a pure function of (rows, seed, step)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from danlu.training.batches import BatchStream, micro_batch
from packed_rows import make_rows

ROWS = make_rows([[5, 3], [8], [2, 2, 4], [7], [6, 2]])


def stream(seed: int = 0, rows_per_batch: int = 2, rows_at_once: int = 1) -> BatchStream:
    return BatchStream(ROWS, rows_per_batch=rows_per_batch, rows_at_once=rows_at_once, seed=seed)


@given(step=st.integers(0, 1000), seed=st.integers(0, 5), rows_per_batch=st.integers(1, 12))
def test_any_step_can_be_asked_for_alone(step: int, seed: int, rows_per_batch: int) -> None:
    one, other = stream(seed, rows_per_batch), stream(seed, rows_per_batch)
    for earlier in range(0, min(step, 5)):
        one.row_indices(earlier)
    assert np.array_equal(one.row_indices(step), other.row_indices(step))


@given(rows_per_batch=st.integers(1, 12), seed=st.integers(0, 5))
def test_each_epoch_sees_each_row_once(rows_per_batch: int, seed: int) -> None:
    batches = stream(seed, rows_per_batch)
    order = np.concatenate([batches.row_indices(step) for step in range(20)])
    for start in range(0, len(order) - 5, 5):
        assert Counter(order[start : start + 5]) == Counter(range(5))


def test_the_size_of_a_step_does_not_change_the_order() -> None:
    small = np.concatenate([stream(3, 2).row_indices(step) for step in range(6)])
    large = np.concatenate([stream(3, 6).row_indices(step) for step in range(2)])
    assert np.array_equal(small, large)


def test_seeds_and_epochs_differ() -> None:
    whole = [tuple(stream(seed, 5).row_indices(epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(whole)) > 5


def test_rows_at_once_changes_no_row_and_no_count() -> None:
    one, many = stream(rows_per_batch=4, rows_at_once=1).at(2), stream(rows_per_batch=4, rows_at_once=4).at(2)
    assert len(one.micro_batches) == 4
    assert len(many.micro_batches) == 1
    assert (one.num_targets, one.num_tokens) == (many.num_targets, many.num_tokens)
    assert torch.equal(torch.cat([m.targets for m in one.micro_batches]), many.micro_batches[0].targets)


def test_micro_batch_positions_and_targets() -> None:
    micro = micro_batch(ROWS, np.array([2, 0]))
    # Filled up from 16 tokens to 32 by a document of its own, which is not counted and predicts nothing.
    assert micro.num_tokens == 16
    assert micro.documents.lengths == (2, 2, 4, 5, 3, 16)
    assert micro.position_ids.tolist() == [[0, 1, 0, 1, 0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 2, *range(16)]]
    assert int(micro.predicting.max()) < 16
    # A target is predicted from the token before it, which lies in the same document.
    assert torch.equal(micro.input_ids[0, micro.predicting + 1], micro.targets)
    assert bool((micro.position_ids[0, micro.predicting + 1] > 0).all())


def test_budget_of_tokens_is_reached_and_not_overshot_by_a_step() -> None:
    batches = stream()
    row_tokens = np.diff(ROWS.row_offsets)
    for tokens in (1, 8, 17, 100):
        steps = batches.num_steps_for_tokens(tokens)
        read = [int(row_tokens[batches.row_indices(step)].sum()) for step in range(steps)]
        assert sum(read) >= tokens > sum(read[:-1])
