"""Checkpoints: what a run that was stopped or killed goes on from, with the same bits as if it had not been.

The training thread only takes a copy of the state (`Snapshot`); a thread of the lowest priority hashes, writes, syncs
and renames it (`checkpoint_files`) and then deletes what the rule no longer keeps. In a checkpoint are the trained
weights, the states of the optimizer and of its companions, and the step, of which the position in the data and what is
drawn for dropout are functions. Reading takes the newest one whose hashes agree; what is broken is said and passed
over.

Each rank writes what it holds, with where that lies in the whole (`checkpoint_pieces`), so that a training can go on on
another number of ranks, which divide it otherwise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import torch

from danlu.hardware.threads import let_others_go_first
from danlu.telemetry.reporter import Reporter
from danlu.training.checkpoint_files import (
    checkpoints_in,
    clear_abandoned,
    damage,
    remove_checkpoint,
    write_checkpoint,
)
from danlu.training.checkpoint_pieces import Pieces, all_finite
from danlu.training.checkpoint_state import (
    NUMBERS,
    State,
    box_of,
    companion_state,
    load_optimizer_state,
    optimizer_state,
    parameter_of,
    prefixed,
    read_numbers,
)
from danlu.training.held import Held
from danlu.training.settings import CheckpointSettings
from danlu.training.snapshot import Snapshot
from danlu.training.world import World

STATE = "state.json"
FORMAT = 2
"""Of a checkpoint; others are passed over."""


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
        companions: What else has a state, by name. Its tensors are named as the trained weights that they are like.
        world: The ranks that write and read them together.
        has_copies: Whether each rank's optimizer has a state of its own, for a copy of the weights that it trains
            apart. Then only as many ranks can go on from it.
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
        world: World | None = None,
        has_copies: bool = False,
    ) -> None:
        self.world = world or World()
        self._has_copies = has_copies
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
        """Whether a checkpoint is to be taken after this step, which the first rank decides for all. Also says how the
        last one went, once that is known."""
        return self.world.of_first(float(self.is_due_here(step))) > 0

    def is_due_here(self, step: int) -> bool:
        """What this rank would decide."""
        if self._saving and self._saving.written.done():
            self.finish()
        every = self.settings.every_steps
        if self._is_kept(step) or (every and step % every == 0):
            return True
        seconds = self.settings.effective_every_seconds
        return seconds is not None and not self._saving and time.monotonic() - self._last_saved >= seconds

    def save(self, step: int, held: Held, optimizer: torch.optim.Optimizer) -> None:
        """Copy the state after `step` optimizer steps, and have it written while training goes on.

        Waits for the one before, whose memory the copy goes into.
        """
        came = time.perf_counter()
        self.finish()
        began = time.perf_counter()
        files = self._copy(step, held, optimizer)
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

    def save_last(self, step: int, held: Held, optimizer: torch.optim.Optimizer) -> None:
        """See that the state after `step` steps is on the disk before training is stopped there, if that can be."""
        self.finish()
        if step > self.world.of_first(self.newest_step):
            self.save(step, held, optimizer)
            self.finish()

    def restore(self, held: Held, optimizer: torch.optim.Optimizer) -> int:
        """Bring back the newest valid checkpoint; returns the number of steps it had made, 0 if there is none."""
        step = int(self.world.of_first(self._newest_valid() if self.world.is_first else 0))
        if not step:
            return 0
        path = checkpoints_in(self.directory, self.kept_directory)[step]
        only = self.world.rank if self._has_copies else None
        pieces, numbers = Pieces(path, only), read_numbers(path, only)
        with torch.no_grad():
            for name, tensor in held.tensors.items():
                tensor.copy_(pieces.read(name, box_of(held, name, tensor)))
        load_optimizer_state(optimizer, held, pieces, numbers)
        for name, companion in self.companions.items():
            companion.load_state_dict(companion_state(name, held, pieces, numbers))
        self.newest_step = step
        return step

    def _newest_valid(self) -> int:
        """Its step, 0 if there is none. What is broken is said."""
        for directory in (self.directory, self.kept_directory):
            clear_abandoned(directory)
        for step, path in checkpoints_in(self.directory, self.kept_directory).items():
            problem = damage(path)
            state = {} if problem else json.loads((path / STATE).read_text(encoding="utf-8"))
            if not problem and state.get("format") != FORMAT:
                problem = "another version of Danlu wrote it"
            if not problem and state["fingerprint"] != self.fingerprint:
                problem = "it belongs to other data or settings"
            if not problem and not all_finite(path):
                problem = "not all of its numbers are finite"
            if not problem:
                return step
            self.reporter.warn(f"Checkpoint {path.name} is passed over: {problem}.")
        return 0

    def _copy(self, step: int, held: Held, optimizer: torch.optim.Optimizer) -> dict[str, memoryview]:
        """This rank's files of a checkpoint, in memory."""
        states: dict[str, State] = {
            "optimizer": optimizer_state(optimizer, held),
            **{name: prefixed(name, companion.state_dict()) for name, companion in self.companions.items()},
        }
        numbers = {
            key: value
            for values in states.values()
            for key, value in values.items()
            if not isinstance(value, torch.Tensor)
        }
        written = {name for name, piece in held.pieces.items() if held.is_writer_of(piece)}
        rank = self.world.rank
        tensors: dict[str, dict[str, torch.Tensor]] = {
            f"weights-{rank}.safetensors": {name: held.tensors[name] for name in written},
            **{
                f"{part}-{rank}.safetensors": {
                    key: value
                    for key, value in values.items()
                    if isinstance(value, torch.Tensor)
                    and (parameter_of(key, held) in written or (self._has_copies and part == "optimizer"))
                }
                for part, values in states.items()
            },
        }
        offsets = {
            key: held.pieces[parameter_of(key, held)].offsets
            for values in tensors.values()
            for key, value in values.items()
            if value.shape == held.tensors[parameter_of(key, held)].shape
        }
        files = self._snapshot.take(tensors, offsets)
        files[NUMBERS.format(rank=rank)] = memoryview(json.dumps(numbers).encode())
        if self.world.is_first:
            state = {"format": FORMAT, "step": step, "fingerprint": self.fingerprint}
            files[STATE] = memoryview(json.dumps(state).encode())
        return files

    def _write(self, step: int, files: Mapping[str, memoryview]) -> float:
        """In the background: write the files, then delete what is not kept; returns how many seconds that took."""
        started = time.perf_counter()
        directory = self.kept_directory if self._is_kept(step) else self.directory
        write_checkpoint(directory / f"step-{step}", files, self.world.rank, self.world.size)
        if self.world.is_first:
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
