"""Checkpoints come back whole, or are passed over."""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from danlu.training import checkpoint
from danlu.training.checkpoint import Checkpoints
from danlu.training.checkpoint_files import MARKER, write_checkpoint
from danlu.training.checkpoint_state import State
from danlu.training.held import Held, hold
from danlu.training.settings import CheckpointSettings


@pytest.fixture
def parts() -> tuple[Held, torch.optim.Optimizer]:
    torch.manual_seed(0)
    return fresh_parts()


def fresh_parts() -> tuple[Held, torch.optim.Optimizer]:
    """A linear layer and its optimizer."""
    held = hold(torch.nn.Linear(4, 3))
    return held, torch.optim.AdamW([{"params": held.trained, "number": 0}], lr=0.1)


def one_step(held: Held, optimizer: torch.optim.Optimizer, inputs: torch.Tensor | None = None) -> None:
    inputs = torch.rand(2, 4) if inputs is None else inputs
    torch.nn.functional.linear(inputs, held.tensors["weight"], held.tensors["bias"]).sum().backward()
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

    def save(self, step: int, held: Held, optimizer: torch.optim.Optimizer) -> None:
        super().save(step, held, optimizer)
        self.finish()


def test_resumed_steps_are_bit_identical(tmp_path: Path, parts: Any, reporter: Any) -> None:
    inputs = torch.rand(6, 2, 4)
    for step in range(3):
        one_step(*parts, inputs[step])
    keeper(tmp_path, reporter).save(3, *parts)
    for step in range(3, 6):
        one_step(*parts, inputs[step])

    torch.manual_seed(99)
    fresh = fresh_parts()
    assert keeper(tmp_path, reporter).restore(*fresh) == 3
    for step in range(3, 6):
        one_step(*fresh, inputs[step])
    for name, tensor in parts[0].tensors.items():
        assert torch.equal(fresh[0].tensors[name], tensor)


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
    weights = newest / "weights-0.safetensors"
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
        self.state: State = {"share": 0.1 + 0.2, "best": float("inf"), "count": 3, "bias": both[:3], "weight": both[3:]}

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
    fresh = torch.optim.AdamW([{"params": model.trained, "number": 0}], lr=0.1)
    assert keeper(tmp_path, reporter).restore(model, fresh) == 1
    assert fresh.param_groups[0]["steps_so_far"] == 17


def steps_in(directory: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in directory.glob("*"))


def test_every_so_many_steps_one_stays_for_good(tmp_path: Path, parts: Any, reporter: Any) -> None:
    checkpoints = keeper(tmp_path, reporter, keep=2, keep_every_steps=4)
    one_step(*parts)
    for step in range(1, 12):
        if checkpoints.due(step):
            checkpoints.save(step, *parts)
    assert steps_in(tmp_path / "kept") == [4, 8]
    checkpoints.save(9, *parts)
    assert steps_in(tmp_path / "checkpoints") == [9], "the newest two are 8, which is kept elsewhere, and 9"
    checkpoints.save(10, *parts)
    checkpoints.save(11, *parts)
    assert steps_in(tmp_path / "checkpoints") == [10, 11]
    assert keeper(tmp_path, reporter).restore(*parts) == 11


def test_the_last_valid_one_is_not_deleted_for_broken_newer_ones(tmp_path: Path, parts: Any, reporter: Any) -> None:
    one_step(*parts)
    before = keeper(tmp_path, reporter, keep=3)
    for step in (10, 20, 30):
        before.save(step, *parts)
    for step in (20, 30):
        (tmp_path / "checkpoints" / f"step-{step}" / "weights-0.safetensors").write_bytes(b"")
    after = keeper(tmp_path, reporter, keep=1)
    assert after.restore(*parts) == 10
    after.save(15, *parts)
    assert steps_in(tmp_path / "checkpoints") == [15]
    assert keeper(tmp_path, reporter).restore(*parts) == 15


@pytest.mark.parametrize(
    ("settings", "due"),
    [
        ({"every_steps": 3}, [3, 6, 9]),
        ({"every_steps": 4, "keep_every_steps": 3}, [3, 4, 6, 8, 9]),
        ({"every_seconds": 3600}, []),
        ({"every_seconds": 1e-9}, list(range(1, 11))),
        ({}, []),
    ],
)
def test_when_one_is_due(tmp_path: Path, reporter: Any, settings: dict[str, Any], due: list[int]) -> None:
    config = CheckpointSettings(**settings)
    checkpoints = Checkpoints(tmp_path, tmp_path, config, fingerprint="", reporter=reporter)
    assert [step for step in range(1, 11) if checkpoints.due(step)] == due


class SlowDisk:
    """In place of `write_checkpoint`: waits until it may go on, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_go_on = threading.Event()
        self.priorities: list[int] = []
        self.error: Exception | None = None
        monkeypatch.setattr(checkpoint, "write_checkpoint", self.write)

    def write(self, target: Path, files: Any, rank: int, num_ranks: int) -> None:
        self.priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert self.may_go_on.wait(20)
        if self.error:
            raise self.error
        write_checkpoint(target, files, rank, num_ranks)


def test_what_is_due_by_the_clock_does_not_wait_for_the_disk(
    tmp_path: Path, parts: Any, reporter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    priority = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    settings = CheckpointSettings(every_seconds=1e-9, keep_every_steps=5)
    with Checkpoints(tmp_path / "a", tmp_path / "b", settings, fingerprint="", reporter=reporter) as checkpoints:
        one_step(*parts)
        assert checkpoints.due(1)
        checkpoints.save(1, *parts)
        assert not checkpoints.due(2)
        assert checkpoints.due(5), "asked for by its step"
        disk.may_go_on.set()
        checkpoints.finish()
        assert checkpoints.due(3)
        checkpoints.save(3, *parts)
    assert steps_in(tmp_path / "a") == [1, 3]
    assert [event["step"] for event in reporter.events if event["event"] == "checkpoint_saved"] == [1, 3]
    if sys.platform == "linux":
        assert disk.priorities == [19, 19]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == priority


def test_training_goes_on_while_it_is_written(
    tmp_path: Path, parts: Any, reporter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    model, optimizer = parts
    one_step(*parts)
    expected = model.tensors["weight"].detach().clone()
    with Checkpoints(
        tmp_path / "a", tmp_path / "b", CheckpointSettings(), fingerprint="", reporter=reporter
    ) as checkpoints:
        checkpoints.save(1, model, optimizer)
        one_step(*parts)
        disk.may_go_on.set()
    assert not torch.equal(model.tensors["weight"], expected)
    assert keeper(tmp_path / "none", reporter).restore(*parts) == 0
    fresh = Checkpoints(tmp_path / "a", tmp_path / "b", CheckpointSettings(), fingerprint="", reporter=reporter)
    assert fresh.restore(model, optimizer) == 1
    assert torch.equal(model.tensors["weight"], expected)


def test_one_that_cannot_be_written_is_a_warning(
    tmp_path: Path, parts: Any, reporter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_step(*parts)
    with keeper(tmp_path, reporter) as checkpoints:
        checkpoints.save(1, *parts)
        disk = SlowDisk(monkeypatch)
        disk.error = OSError(errno.ENOSPC, "No space left on device")
        disk.may_go_on.set()
        checkpoints.save(2, *parts)
        (warning,) = reporter.warnings
        assert "step 2 was not written: [Errno 28] No space left on device; that of step 1 is still there" in warning
        assert checkpoints.newest_step == 1
        disk.error = None
        checkpoints.save(3, *parts)
    assert steps_in(tmp_path / "checkpoints") == [1, 3]


def test_a_fault_in_the_background_is_not_hidden(
    tmp_path: Path, parts: Any, reporter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    disk.error = RuntimeError("a fault")
    disk.may_go_on.set()
    checkpoints = keeper(tmp_path, reporter)
    with pytest.raises(RuntimeError, match="a fault"):
        checkpoints.save(1, *parts)


def test_the_last_state_is_saved_once(tmp_path: Path, parts: Any, reporter: Any) -> None:
    with keeper(tmp_path, reporter) as checkpoints:
        checkpoints.save_last(0, *parts)
        assert checkpoints.newest_step == 0
        one_step(*parts)
        checkpoints.save(1, *parts)
        checkpoints.save_last(1, *parts)
        checkpoints.save_last(2, *parts)
    assert [event["step"] for event in reporter.events] == [1, 2]
