"""How many steps a budget buys: against adding up step by step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.models.flops import TrainingFlops
from danlu.training.batches import BatchStream
from danlu.training.budget import fewest_steps, flops_of, steps_of, steps_within
from danlu.training.pace import Pace
from danlu.training.rows.packed import PackedRows
from danlu.training.settings import Budget
from packed_rows import make_store

STORE = make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]])
BATCHES = BatchStream(PackedRows(STORE, 0), rows_per_batch=2, rows_at_once=1)
FLOPS = TrainingFlops(per_token=600.0, per_target=50.0, per_pair=7.0)
PACE = Pace(
    seconds_per_token=0.5, seconds_per_step=0.25, validation_seconds=3.0, validate_every_steps=2, seconds_before=4.0
)


def batches(num_steps: int) -> BatchStream:
    return BATCHES


def steps(budget: Budget) -> int:
    return steps_of(
        budget, batches, flops=lambda: FLOPS, steps_in_time=lambda seconds: steps_within(PACE, batches, seconds)
    )


def flops_read(num_steps: int) -> float:
    """Row by row."""
    total = 0.0
    for row in (BATCHES.rows.row(place) for place in range(BATCHES.num_rows(num_steps))):
        pairs = sum(seen for length in row.document_lengths.tolist() for seen in range(1, length + 1))
        total += 600 * len(row.input_ids) + 50 * int(row.supervised.sum()) + 7 * pairs
    return total


@pytest.mark.parametrize("tokens", [1, 8, 17, 100])
def test_tokens_are_reached_and_not_overshot_by_a_step(tokens: int) -> None:
    read = [BATCHES.at(step).num_tokens for step in range(steps(Budget(tokens=tokens)))]
    assert sum(read) >= tokens > sum(read[:-1])


@pytest.mark.parametrize("flops", [1.0, 30_000.0, 123_456.0])
def test_flops_are_reached_and_not_overshot_by_a_step(flops: float) -> None:
    found = steps(Budget(flops=flops))
    assert flops_of(FLOPS, BATCHES, found) == flops_read(found) >= flops > flops_read(found - 1) * (found > 1)


@pytest.mark.parametrize("minutes", [0.01, 0.5, 2.0, 10.0])
def test_minutes_are_enough_and_would_not_be_for_another_step(minutes: float) -> None:
    def seconds(num_steps: int) -> float:
        tokens = sum(BATCHES.at(step).num_tokens for step in range(num_steps))
        return 4 + num_steps * 0.25 + tokens * 0.5 + 3 * (num_steps // 2)

    found = steps(Budget(minutes=minutes))
    assert seconds(found) <= 60 * minutes < seconds(found + 1) or (found == 1 and seconds(1) > 60 * minutes)


def test_steps_and_epochs() -> None:
    assert steps(Budget(steps=7)) == 7
    assert steps(Budget(epochs=1)) == 3
    assert steps(Budget(epochs=0.2)) == 1


@settings(deadline=None)
@given(amounts=st.lists(st.integers(0, 5), min_size=1, max_size=30), data=st.data())
def test_fewest_steps(amounts: list[int], data: st.DataObject) -> None:
    sums = [sum(amounts[:count]) for count in range(len(amounts) + 1)]
    wanted = data.draw(st.integers(1, max(1, sums[-1])))
    if sums[-1] < wanted:
        return
    found = fewest_steps(lambda num_steps: sums[min(num_steps, len(amounts))], wanted)
    assert sums[found] >= wanted > sums[found - 1]
