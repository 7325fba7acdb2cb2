"""Checkpoints: what a run that was stopped or killed goes on from, with the same bits as if it had not been.

The training thread only takes a copy of the state (`Snapshot`); a thread of the lowest priority hashes, writes, syncs
and renames it (`checkpoint_files`) and then deletes what the rule no longer keeps. In a checkpoint are the trained
weights, the states of the optimizer and of its companions, the random state, and the step, of which the position in the
data is a function. Reading takes the newest one whose hashes agree; what is broken is said and passed over.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import torch
from safetensors.torch import load_file

from danlu.hardware.threads import let_others_go_first
from danlu.telemetry.reporter import Reporter
from danlu.training.checkpoint_files import (
    checkpoints_in,
    clear_abandoned,
    damage,
    remove_checkpoint,
    write_checkpoint,
)
from danlu.training.config import CheckpointSettings
from danlu.training.snapshot import Snapshot

STATE = "state.json"

State = dict[str, torch.Tensor | float]
"""By name: tensors, and numbers that are kept as JSON."""


class Stateful(Protocol):
    """Something whose state belongs into a checkpoint."""

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: State) -> None: ...


@dataclass(frozen=True)
class _Save:
    """One that is being written."""

    step: int
    stalled_seconds: float
    """How long training stood still, for the one before to be written and for the copy."""
    copy_seconds: float
    num_bytes: int
    written: Future[float]
    """Seconds that the writing took."""


class Checkpoints:
    """The checkpoints of one training stage. Leave its context, or call `finish`, before the process ends.

    One is written at a time. What falls due by the clock meanwhile is put off to the first step after; what falls due
    by its step waits, because that step was asked for.

    A checkpoint that cannot be written (the disk is full) is a warning, and training goes on: those before it are still
    there, and the next one may find room.

    Args:
        directory: Where they are kept while the stage runs.
        kept_directory: Where those are kept that outlive the stage.
        settings: When they are due and which stay.
        fingerprint: Of the data; a checkpoint that belongs to other data is not used.
        reporter: Told about broken checkpoints and those that could not be written.
        companions: What else has a state, by name.
    """

    def __init__(
        self,
        directory: Path,
        kept_directory: Path,
        settings: CheckpointSettings,
        *,
        fingerprint: str,
        reporter: Reporter,
        companions: Mapping[str, Stateful] | None = None,
    ) -> None:
        self.directory = directory
        self.kept_directory = kept_directory
        self.settings = settings
        self.fingerprint = fingerprint
        self.reporter = reporter
        self.companions = companions or {}
        self.newest_step = 0
        """Of the newest one that is whole on the disk; 0 if there is none."""
        self._snapshot = Snapshot()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint", initializer=let_others_go_first)
        self._saving: _Save | None = None
        self._last_saved = time.monotonic()

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self._writer.shutdown()

    def due(self, step: int) -> bool:
        """Whether a checkpoint is to be taken after this step. Also says how the last one went, once that is known."""
        if self._saving and self._saving.written.done():
            self.finish()
        every = self.settings.every_steps
        if self._is_kept(step) or (every and step % every == 0):
            return True
        seconds = self.settings.effective_every_seconds
        return seconds is not None and not self._saving and time.monotonic() - self._last_saved >= seconds

    def save(self, step: int, model: Any, optimizer: torch.optim.Optimizer) -> None:
        """Copy the state after `step` optimizer steps, and have it written while training goes on.

        Waits for the one before, whose memory the copy goes into.
        """
        came = time.perf_counter()
        self.finish()
        began = time.perf_counter()
        files = self._copy(step, model, optimizer)
        ended = time.perf_counter()
        self._last_saved = time.monotonic()
        num_bytes = sum(content.nbytes for content in files.values())
        self._saving = _Save(
            step, ended - came, ended - began, num_bytes, self._writer.submit(self._write, step, files)
        )

    def finish(self) -> None:
        """Wait for the one that is being written, if there is one, and say how it went."""
        if self._saving is None:
            return
        saving, self._saving = self._saving, None
        try:
            write_seconds = saving.written.result()
        except OSError as error:
            still_there = f"that of step {self.newest_step} is still there" if self.newest_step else "there is none yet"
            self.reporter.warn(f"The checkpoint of step {saving.step} was not written: {error}; {still_there}.")
            return
        self.newest_step = saving.step
        self.reporter.event(
            "checkpoint_saved",
            step=saving.step,
            num_bytes=saving.num_bytes,
            stalled_seconds=round(saving.stalled_seconds, 6),
            copy_seconds=round(saving.copy_seconds, 6),
            write_seconds=round(write_seconds, 6),
        )

    def save_last(self, step: int, model: Any, optimizer: torch.optim.Optimizer) -> None:
        """See that the state after `step` steps is on the disk before training is stopped there."""
        self.finish()
        if step > self.newest_step:
            self.save(step, model, optimizer)
            self.finish()

    def restore(self, model: Any, optimizer: torch.optim.Optimizer) -> int:
        """Bring back the newest valid checkpoint; returns the number of steps it had made, 0 if there is none."""
        for directory in (self.directory, self.kept_directory):
            clear_abandoned(directory)
        for step, path in checkpoints_in(self.directory, self.kept_directory).items():
            problem = damage(path)
            state = {} if problem else json.loads((path / STATE).read_text(encoding="utf-8"))
            if not problem and state["fingerprint"] != self.fingerprint:
                problem = "it belongs to other data or settings"
            if problem:
                self.reporter.warn(f"Checkpoint {path.name} is passed over: {problem}.")
                continue
            weights = load_file(path / "weights.safetensors")
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if parameter.requires_grad:
                        parameter.copy_(weights[name])
            states = {
                name: {**load_file(path / f"{name}.safetensors"), **numbers}
                for name, numbers in state["numbers"].items()
            }
            _load_optimizer_state(optimizer, states["optimizer"])
            for name, companion in self.companions.items():
                companion.load_state_dict(states[name])
            _restore_random_state(state["random_state"])
            self.newest_step = step
            return step
        return 0

    def _copy(self, step: int, model: Any, optimizer: torch.optim.Optimizer) -> dict[str, memoryview]:
        """The files of a checkpoint, in memory."""
        states: dict[str, State] = {
            "optimizer": _optimizer_state(optimizer),
            **{name: companion.state_dict() for name, companion in self.companions.items()},
        }
        state = {
            "step": step,
            "fingerprint": self.fingerprint,
            "random_state": _random_state(),
            "numbers": {
                name: {key: value for key, value in values.items() if not isinstance(value, torch.Tensor)}
                for name, values in states.items()
            },
        }
        tensors = {
            "weights.safetensors": {
                name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
            },
            **{
                f"{name}.safetensors": {key: value for key, value in values.items() if isinstance(value, torch.Tensor)}
                for name, values in states.items()
            },
        }
        return {**self._snapshot.take(tensors), STATE: memoryview(json.dumps(state).encode())}

    def _write(self, step: int, files: Mapping[str, memoryview]) -> float:
        """In the background: write the files, then delete what is not kept; returns how many seconds that took."""
        started = time.perf_counter()
        directory = self.kept_directory if self._is_kept(step) else self.directory
        write_checkpoint(directory / f"step-{step}", files)
        self._delete_old(step)
        return time.perf_counter() - started

    def _delete_old(self, newest: int) -> None:
        """Delete all but the newest few, now that the one of step `newest` is whole.

        What is newer was passed over when training went on from before it.
        """
        steps = [step for step in checkpoints_in(self.directory, self.kept_directory) if step <= newest]
        for step, path in checkpoints_in(self.directory).items():
            if step not in steps[: self.settings.keep]:
                remove_checkpoint(path)

    def _is_kept(self, step: int) -> bool:
        """Whether the checkpoint of this step stays for good."""
        return self.settings.keep_every_steps is not None and step % self.settings.keep_every_steps == 0


def _optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """``state.<parameter number>.<name>`` for each parameter, ``group.<group number>.<name>`` for numbers of groups."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    found: State = {
        f"state.{number}.{name}": value
        for number, parameter in enumerate(parameters)
        # Not from state_dict(), in which bitsandbytes packs what is quantised together.
        for name, value in optimizer.state.get(parameter, {}).items()
    }
    for number, group in enumerate(optimizer.param_groups):
        found |= {f"group.{number}.{name}": value for name, value in group.items() if isinstance(value, int | float)}
    return found


def _load_optimizer_state(optimizer: torch.optim.Optimizer, values: State) -> None:
    state: dict[int, dict[str, Any]] = {}
    groups = optimizer.state_dict()["param_groups"]
    for key, value in values.items():
        part, number, name = key.split(".", 2)
        (state.setdefault(int(number), {}) if part == "state" else groups[int(number)])[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _random_state() -> dict[str, str]:
    """State of torch's generators (the only ones the loop draws from), as text."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {name: base64.b64encode(state.numpy().tobytes()).decode() for name, state in states.items()}


def _restore_random_state(states: dict[str, str]) -> None:
    decoded = {
        name: torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8) for name, text in states.items()
    }
    torch.set_rng_state(decoded["cpu"])
    if torch.cuda.is_available() and "cuda" in decoded:
        torch.cuda.set_rng_state(decoded["cuda"])
