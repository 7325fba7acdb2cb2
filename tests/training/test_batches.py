"""Batches are a pure function of (rows, step)."""

from __future__ import annotations

import torch

from danlu.training.batches import BatchStream, micro_batch
from danlu.training.rows.packed import PackedRows
from packed_rows import make_store, rows_of

STORE = make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]])


def stream(seed: int = 0, rows_per_batch: int = 2, rows_at_once: int = 1) -> BatchStream:
    return BatchStream(PackedRows(STORE, seed), rows_per_batch=rows_per_batch, rows_at_once=rows_at_once)


def ids_of(batches: BatchStream, step: int) -> list[int]:
    return [
        token for micro in batches.at(step).micro_batches for token in micro.input_ids[0, : micro.num_tokens].tolist()
    ]


def test_the_size_of_a_step_does_not_change_the_order() -> None:
    small = [token for step in range(6) for token in ids_of(stream(3, 2), step)]
    large = [token for step in range(2) for token in ids_of(stream(3, 6), step)]
    assert small == large


def test_rows_at_once_changes_no_row_and_no_count() -> None:
    one, many = stream(rows_per_batch=4, rows_at_once=1).at(2), stream(rows_per_batch=4, rows_at_once=4).at(2)
    assert len(one.micro_batches) == 4
    assert len(many.micro_batches) == 1
    assert (one.num_targets, one.num_tokens) == (many.num_targets, many.num_tokens)
    assert torch.equal(torch.cat([m.targets for m in one.micro_batches]), many.micro_batches[0].targets)


def test_micro_batch_positions_and_targets() -> None:
    micro = micro_batch([rows_of(STORE)[2], rows_of(STORE)[0]])
    # Filled up from 16 tokens to 32 by a document of its own, which is not counted and predicts nothing.
    assert micro.num_tokens == 16
    assert micro.documents.lengths == (2, 2, 4, 5, 3, 16)
    assert micro.position_ids.tolist() == [[0, 1, 0, 1, 0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 2, *range(16)]]
    assert int(micro.predicting.max()) < 16
    # A target is predicted from the token before it, which lies in the same document.
    assert torch.equal(micro.input_ids[0, micro.predicting + 1], micro.targets)
    assert bool((micro.position_ids[0, micro.predicting + 1] > 0).all())


def test_tokens_of_some_steps_are_counted() -> None:
    batches = stream(rows_per_batch=3)
    for num_steps in (0, 1, 2, 7):
        assert batches.num_tokens(num_steps) == sum(batches.at(step).num_tokens for step in range(num_steps))
