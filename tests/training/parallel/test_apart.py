"""Copies that train apart: when they meet after every step with a plain outer step, it is the mean of their steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from danlu.training.config import TrainConfig
from ranks import on_ranks

SGD = {"kind": "sgd", "learning_rate": 0.1}


def plain(**changes: Any) -> dict[str, Any]:
    return {"do": "train", "model": "m", "data": "d", "budget": {"steps": 1}, "precision": "fp32", **changes}


def meet(rank: int, size: int, *, every: int, momentum: float, rate: float, steps: int) -> list[list[float]]:
    """Weights after each step of a toy whose copies go different ways: each is pulled to its own place."""
    from danlu.training.held import hold
    from danlu.training.loop import StepReport
    from danlu.training.parallel.apart import Meetings
    from danlu.training.world import World

    config = TrainConfig.model_validate(
        plain(apart={"copies": size, "every_steps": every, "outer_learning_rate": rate, "outer_momentum": momentum})
    )
    assert config.apart
    toy = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        toy.weight.zero_()
    held = hold(toy, World(config.parallel, is_apart=True))
    meetings = Meetings(config.apart, held, steps)
    (weight,) = held.trained
    ways = []
    for step in range(1, steps + 1):
        with torch.no_grad():
            weight += 0.25 * (torch.tensor([[1.0, 2.0]]) * (rank + 1) - weight)
        report = StepReport(step, 0.0, 0.0, 0.0, 1, 1, 1.0)
        meetings.after_step(report)
        ways.append(weight.detach()[0].tolist())
    return ways


def by_formula(every: int, momentum: float, rate: float, steps: int) -> list[list[list[float]]]:
    """The same for two copies, written out."""
    anchor, velocity = torch.zeros(2), torch.zeros(2)
    copies = [anchor.clone(), anchor.clone()]
    seen: list[list[list[float]]] = []
    for step in range(1, steps + 1):
        copies = [copy + 0.25 * (torch.tensor([1.0, 2.0]) * (n + 1) - copy) for n, copy in enumerate(copies)]
        if step % every == 0 or step == steps:
            gradient = anchor - (copies[0] + copies[1]) / 2
            velocity = momentum * velocity + gradient
            anchor = anchor - rate * (gradient + momentum * velocity)
            copies = [anchor.clone(), anchor.clone()]
        seen.append([copy.tolist() for copy in copies])
    return seen


@pytest.mark.parametrize(("every", "momentum", "rate"), [(1, 0.0, 1.0), (3, 0.0, 1.0), (4, 0.9, 0.7)])
def test_meetings_are_nesterov_steps_along_the_mean_way(every: int, momentum: float, rate: float) -> None:
    arguments = {"every": every, "momentum": momentum, "rate": rate, "steps": 10}
    found = on_ranks("test_apart:meet", 2, arguments)
    for step, copies in enumerate(by_formula(**arguments)):
        for rank in range(2):
            assert found[rank][step] == pytest.approx(copies[rank], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"apart": {"copies": 1}}, "greater than or equal to 2"),
        ({"apart": {"copies": 2}, "parallel": {"data": 4}}, "are parallel.data"),
        ({"apart": {"copies": 2}, "parallel": {"data": 2, "tensor": 2}}, "are parallel.data"),
        ({"apart": {"copies": 2}, "ema": {}}, "apart does not go together with ema"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        TrainConfig.model_validate(plain(**changes))


def test_copies_are_processes() -> None:
    assert TrainConfig.model_validate(plain(apart={"copies": 3})).parallel.data == 3
