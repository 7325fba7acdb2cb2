"""How many checkpoints a plan counts."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.training.cost import most_checkpoints, takes_checkpoints
from danlu.training.settings import CheckpointSettings


@pytest.mark.parametrize(
    ("settings", "num_steps", "seconds", "taken", "most"),
    [
        ({}, 100, 59.0, False, 3),
        ({}, 100, 61.0, True, 3),
        ({"every_seconds": 10, "keep": 5}, 100, 11.0, True, 6),
        ({"every_steps": 50}, 50, 1e6, False, 3),
        ({"every_steps": 50}, 51, 1.0, True, 3),
        ({"every_steps": 1000, "every_seconds": 10}, 51, 11.0, True, 3),
        ({"keep_every_steps": 10}, 30, 1.0, True, 5),
        ({"keep_every_steps": 10}, 31, 1.0, True, 6),
    ],
)
def test_counts(settings: dict[str, Any], num_steps: int, seconds: float, taken: bool, most: int) -> None:
    config = CheckpointSettings(**settings)
    assert takes_checkpoints(config, num_steps, seconds) is taken
    assert most_checkpoints(config, num_steps) == most
