"""Validation rows are made one micro-batch at a time and give the loss of all of them together."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from danlu.hardware.threads import workers_of_one_thread
from danlu.training import held_out
from danlu.training.batches import MicroBatch, micro_batch
from danlu.training.held_out import HeldOut
from danlu.training.passes import Passes
from danlu.training.rows.packed import PackedRows
from packed_rows import make_store, rows_of

STORES = [make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]]), make_store([[9], [3, 3]], seed=1)]


def toy_objective(model: Any, micro: MicroBatch) -> torch.Tensor:
    """A sum over the targets, as objectives are."""
    return (micro.targets.double() * 0.01 + 1).sum()


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 10])
def test_every_row_of_every_source_is_there_once(rows_at_once: int) -> None:
    batches = HeldOut([PackedRows(store, 0) for store in STORES], rows_at_once)
    seen = sorted(tuple(batches[index].targets.tolist()) for index in range(len(batches)))
    if rows_at_once == 1:
        assert seen == sorted(tuple(micro_batch([row]).targets.tolist()) for store in STORES for row in rows_of(store))
    assert sum(map(len, seen)) == sum(store.num_supervised for store in STORES)
    whole = micro_batch([row for store in STORES for row in rows_of(store)])
    expected = float(toy_objective(None, whole)) / whole.num_targets
    assert Passes(torch.nn.Identity(), toy_objective).mean_loss(batches) == pytest.approx(expected)


def test_few_are_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: set[int] = set()
    most = 0

    class Counted:
        """Stands in for a micro-batch and counts how many there are."""

        input_ids = torch.ones(1, 3)
        targets = torch.ones(3)
        num_targets = 3

        def __init__(self, *_: object) -> None:
            nonlocal most
            alive.add(id(self))
            most = max(most, len(alive))

        def __del__(self) -> None:
            alive.discard(id(self))

    monkeypatch.setattr(held_out, "micro_batch", Counted)
    batches = HeldOut([PackedRows(make_store([[4]] * 50), 0)], 1)
    with workers_of_one_thread() as pool:
        assert Passes(torch.nn.Identity(), toy_objective, pool=pool).mean_loss(batches) == pytest.approx(1.01)
        assert most <= 2 * pool.count
