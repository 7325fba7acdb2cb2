"""Copies that train apart: when they meet after every step with a plain outer step, it is the mean of their steps."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch

from danlu.training.config import TrainConfig
from danlu.training.loop import StepReport
from ranks import on_ranks


def plain(**changes: Any) -> dict[str, Any]:
    return {"do": "train", "model": "m", "data": "d", "budget": {"steps": 1}, "precision": "fp32", **changes}


def pulled(weight: torch.Tensor, share: int) -> torch.Tensor:
    """What a step of a toy does to its weights: each share of the rows pulls them to its own place."""
    return weight + 0.25 * (torch.tensor([1.0, 2.0]) * (share + 1) - weight)


def train_toy(
    rank: int, size: int, *, apart: dict[str, Any], steps: int, meets: int = 1, slow: float = 0.0
) -> dict[str, Any]:
    """Weights where the copies are together, by step; the blocks that this rank trained; the steps that were told.

    Args:
        rank: The last one is slow.
        size: Of the world.
        apart: Settings.
        steps: Of the training.
        meets: Have something to do together after every so many.
        slow: Seconds of a block.
    """
    from danlu.training.held import hold
    from danlu.training.parallel.apart import Apart
    from danlu.training.parallel.blocks import Block, Numbers
    from danlu.training.world import World

    config = TrainConfig.model_validate(plain(apart={"copies": size, **apart}))
    assert config.apart
    toy = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        toy.weight.zero_()
    held = hold(toy, World(config.parallel))
    (weight,) = held.trained
    seen: dict[int, list[float]] = {}
    blocks: list[list[int]] = []
    told: list[list[float]] = []

    def train_block(block: Block) -> Numbers:
        blocks.append([block.first_step, block.share])
        if rank == size - 1:
            time.sleep(slow)
        with torch.no_grad():
            for _ in range(block.first_step, block.end_step):
                weight[0] = pulled(weight[0], block.share)
        rows = [[2.0 * step, 2, 7, 9.0, 0.1, 0.5] for step in range(block.first_step, block.end_step)]
        return np.array(rows)

    class Looks:
        def is_due(self, step: int) -> bool:
            return step % meets == 0

        def at(self, step: int) -> None:
            seen[step] = weight.detach()[0].tolist()

    class Listens:
        def after_step(self, report: StepReport) -> None:
            told.append([report.step, report.loss, report.num_tokens, report.gradient_norm])

    ended = Apart(config.apart, held, steps).train(0, train_block, [Listens()], [Looks()], lambda: False)
    assert ended == steps
    return {"seen": {str(step): weights for step, weights in seen.items()}, "blocks": blocks, "told": told}


def by_formula(every: int, momentum: float, rate: float, steps: int) -> dict[str, list[float]]:
    """The same for two copies that meet after each round, written out."""
    anchor, velocity = torch.zeros(2), torch.zeros(2)
    copies = [anchor.clone(), anchor.clone()]
    seen = {}
    for step in range(1, steps + 1):
        copies = [pulled(copy, number) for number, copy in enumerate(copies)]
        if step % every == 0 or step == steps:
            gradient = anchor - (copies[0] + copies[1]) / 2
            velocity = momentum * velocity + gradient
            anchor = anchor - rate * (gradient + momentum * velocity)
            copies = [anchor.clone(), anchor.clone()]
            seen[str(step)] = anchor.tolist()
    return seen


@pytest.mark.parametrize("asynchronous", [False, True], ids=["meeting", "handing in"])
@pytest.mark.parametrize(("every", "momentum", "rate"), [(1, 0.0, 1.0), (3, 0.0, 1.0), (4, 0.9, 0.7)])
def test_rounds_are_nesterov_steps_along_the_mean_way(
    every: int, momentum: float, rate: float, asynchronous: bool
) -> None:
    apart = {
        "every_steps": every,
        "outer_momentum": momentum,
        "outer_learning_rate": rate,
        "asynchronous": asynchronous,
    }
    found = on_ranks("test_apart:train_toy", 2, {"apart": apart, "steps": 10})
    expected = by_formula(every, momentum, rate, 10)
    for rank in found:
        assert rank["seen"].keys() == expected.keys()
        for step, weights in expected.items():
            assert rank["seen"][step] == pytest.approx(weights, rel=1e-5)
    assert found[0]["told"] == [[step + 1, step, 14, 3.0] for step in range(10)]
    assert found[0]["blocks"] == [[first, 0] for first in range(0, 10, every)]


def test_a_fast_copy_does_more() -> None:
    apart = {"every_steps": 2, "asynchronous": True}
    found = on_ranks("test_apart:train_toy", 3, {"apart": apart, "steps": 40, "meets": 100, "slow": 0.1})
    numbers = [len(rank["blocks"]) for rank in found]
    assert numbers[2] < numbers[0]
    every = sorted(block for rank in found for block in rank["blocks"])
    assert every == [[first, share] for first in range(0, 40, 2) for share in range(3)]
    assert len({str(rank["seen"]) for rank in found}) == 1
    assert found[0]["told"] == [[step + 1, step, 21, 3.0] for step in range(40)]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"apart": {"copies": 1}}, "greater than or equal to 2"),
        ({"apart": {"copies": 2}, "parallel": {"data": 4}}, "are parallel.data"),
        ({"apart": {"copies": 2}, "parallel": {"data": 2, "tensor": 2}}, "are parallel.data"),
        ({"apart": {"copies": 2}, "ema": {}}, "apart does not go together with ema"),
        ({"apart": {"copies": 2}, "health": {"on_non_finite": "skip"}}, "health can stop it or warn"),
        ({"apart": {"copies": 2}, "validate_every_steps": 30}, "30. is not a multiple of apart.every_steps .20."),
        ({"apart": {"copies": 2}, "checkpoint": {"keep_every_steps": 50}}, "checkpoint.keep_every_steps .50. is not"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        TrainConfig.model_validate(plain(**changes))


def test_copies_are_processes() -> None:
    assert TrainConfig.model_validate(plain(apart={"copies": 3})).parallel.data == 3
