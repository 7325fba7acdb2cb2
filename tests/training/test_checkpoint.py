"""Checkpoints come back whole, or are passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from danlu.training.checkpoint import Checkpoints, State
from danlu.training.checkpoint_files import MARKER
from danlu.training.config import CheckpointSettings


@pytest.fixture
def parts() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    return model, torch.optim.AdamW(model.parameters(), lr=0.1)


def one_step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    model(torch.rand(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def keeper(directory: Path, reporter: Any, fingerprint: str = "data", **settings: Any) -> Checkpoints:
    return Keeper(
        directory / "checkpoints",
        directory / "kept",
        CheckpointSettings(every_seconds=0.1, **settings),
        fingerprint=fingerprint,
        reporter=reporter,
    )


class Keeper(Checkpoints):
    """Waits until what it saved is on the disk."""

    def save(self, step: int, model: Any, optimizer: torch.optim.Optimizer) -> None:
        super().save(step, model, optimizer)
        self.finish()


def test_resumed_steps_are_bit_identical(tmp_path: Path, parts: Any, reporter: Any) -> None:
    model, optimizer = parts
    for _ in range(3):
        one_step(model, optimizer)
    keeper(tmp_path, reporter).save(3, model, optimizer)
    for _ in range(3):
        one_step(model, optimizer)

    torch.manual_seed(99)
    fresh = torch.nn.Linear(4, 3)
    fresh_optimizer = torch.optim.AdamW(fresh.parameters(), lr=0.1)
    assert keeper(tmp_path, reporter).restore(fresh, fresh_optimizer) == 3
    for _ in range(3):
        one_step(fresh, fresh_optimizer)  # draws the same random inputs, since the random state came back
    assert torch.equal(fresh.weight, model.weight)
    assert torch.equal(fresh.bias, model.bias)


def test_nothing_there_starts_at_zero(tmp_path: Path, parts: Any, reporter: Any) -> None:
    assert keeper(tmp_path, reporter).restore(*parts) == 0


@pytest.mark.parametrize("harm", ["marker", "truncated", "altered", "missing"])
def test_a_broken_newest_checkpoint_is_passed_over(tmp_path: Path, parts: Any, reporter: Any, harm: str) -> None:
    checkpoints = keeper(tmp_path, reporter)
    one_step(*parts)
    checkpoints.save(1, *parts)
    one_step(*parts)
    checkpoints.save(2, *parts)
    newest = tmp_path / "checkpoints" / "step-2"
    weights = newest / "weights.safetensors"
    if harm == "marker":
        (newest / MARKER).unlink()
    elif harm == "truncated":
        weights.write_bytes(weights.read_bytes()[:-4])
    elif harm == "altered":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(bytes(content))
    else:
        weights.unlink()
    assert checkpoints.restore(*parts) == 1
    assert any("step-2" in warning for warning in reporter.warnings)


def test_other_data_is_not_resumed(tmp_path: Path, parts: Any, reporter: Any) -> None:
    one_step(*parts)
    keeper(tmp_path, reporter, "data").save(1, *parts)
    assert keeper(tmp_path, reporter, "other data").restore(*parts) == 0


def test_only_the_newest_stay(tmp_path: Path, parts: Any, reporter: Any) -> None:
    checkpoints = keeper(tmp_path, reporter)
    one_step(*parts)
    for step in (1, 2, 10, 11):
        checkpoints.save(step, *parts)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-10", "step-11"]


class Companion:
    """Something with numbers and tensors, some of which share memory."""

    def __init__(self) -> None:
        both = torch.arange(6.0)
        self.state: State = {"share": 0.1 + 0.2, "best": float("inf"), "count": 3, "low": both[:3], "high": both[3:]}

    def state_dict(self) -> State:
        return self.state

    def load_state_dict(self, state: State) -> None:
        self.state = state


def test_states_of_companions_come_back(tmp_path: Path, parts: Any, reporter: Any) -> None:
    def keep(companion: Companion) -> Checkpoints:
        return Keeper(
            tmp_path,
            tmp_path / "kept",
            CheckpointSettings(),
            fingerprint="",
            reporter=reporter,
            companions={"one": companion},
        )

    keep(Companion()).save(1, *parts)
    other = Companion()
    other.state = {}
    assert keep(other).restore(*parts) == 1
    expected = Companion().state
    assert {name: value for name, value in other.state.items() if not isinstance(value, torch.Tensor)} == {
        "share": 0.1 + 0.2,
        "best": float("inf"),
        "count": 3,
    }
    assert all(torch.equal(torch.as_tensor(other.state[name]), torch.as_tensor(expected[name])) for name in expected)


def test_numbers_of_the_optimizers_groups_come_back(tmp_path: Path, parts: Any, reporter: Any) -> None:
    model, optimizer = parts
    one_step(*parts)
    optimizer.param_groups[0]["steps_so_far"] = 17
    keeper(tmp_path, reporter).save(1, *parts)
    fresh = torch.optim.AdamW(model.parameters(), lr=0.1)
    assert keeper(tmp_path, reporter).restore(model, fresh) == 1
    assert fresh.param_groups[0]["steps_so_far"] == 17
