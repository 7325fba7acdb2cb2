"""How many optimizer steps a budget buys."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from danlu.models.flops import TrainingFlops
from danlu.training.batches import BatchStream
from danlu.training.pace import Pace
from danlu.training.settings import Budget

Batches = Callable[[int], BatchStream]
"""From a number of steps to what a run of so many reads: what grows, grows over a share of the steps."""


def steps_of(
    budget: Budget,
    batches: Batches,
    *,
    flops: Callable[[], TrainingFlops],
    steps_in_time: Callable[[float], int],
) -> int:
    """Steps of the whole run, at least one.

    Args:
        budget: Of tokens, epochs, steps, floating point operations or minutes.
        batches: What the steps read.
        flops: What training the model asks for; only called for a budget of floating point operations.
        steps_in_time: From seconds to steps; only called for a budget of minutes.
    """

    def num_tokens(num_steps: int) -> int:
        return batches(num_steps).num_tokens(num_steps)

    if budget.steps is not None:
        return budget.steps
    if budget.epochs is not None:
        return fewest_steps(num_tokens, budget.epochs * batches(1).rows.epoch_tokens)
    if budget.minutes is not None:
        return steps_in_time(60 * budget.minutes)
    if budget.flops is not None:
        needed = flops()
        return fewest_steps(lambda num_steps: flops_of(needed, batches(num_steps), num_steps), budget.flops)
    assert budget.tokens is not None
    return fewest_steps(num_tokens, budget.tokens)


def flops_of(flops: TrainingFlops, batches: BatchStream, num_steps: int) -> float:
    """Floating point operations of the first `num_steps` steps."""
    work = batches.workload(num_steps)
    return flops.total(work.num_tokens, work.num_targets, work.num_pairs, work.num_labels)


def steps_within(pace: Pace, batches: Batches, seconds: float) -> int:
    """Most steps that `seconds` are enough for, at least one."""

    def needed(num_steps: int) -> float:
        return pace.seconds(num_steps, batches(num_steps).num_tokens(num_steps))

    return max(1, bisect_right(range(_enough(needed, seconds) + 1), seconds, key=needed) - 1)


def budget_notes(budget: Budget, num_steps: int, flops: float) -> list[str]:
    """What a plan says about the budget, one line each."""
    notes = [f"{flops:.3g} floating point operations, by the model's formula"]
    if budget.minutes is not None:
        notes.append(
            f"{budget.minutes:g} minutes: about {num_steps} steps; how many exactly is decided by timing real ones when"
            " training begins"
        )
    return notes


def fewest_steps(amount: Callable[[int], float], wanted: float) -> int:
    """Fewest steps after which `amount`, which grows with their number, reaches `wanted`; at least one."""
    return max(1, bisect_left(range(_enough(amount, wanted)), wanted, key=amount))


def _enough(amount: Callable[[int], float], wanted: float) -> int:
    """A number of steps after which `amount` reaches `wanted`."""
    num_steps = 1
    while amount(num_steps) < wanted:
        num_steps *= 2
    return num_steps
