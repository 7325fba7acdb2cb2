"""The processes of the ranks on this machine: started, told to stop, ended; and what is wrong with one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from danlu.training.parallel.notes import SILENT_SECONDS, Beat, read_beats, read_json

IDLE_SECONDS = 40.0
"""A rank that uses no processor for so long, while all others wait for it, is taken for stuck."""
IDLE_CPU_SECONDS = 0.5
"""What the thread that beats uses in that time, at most."""
GRACE_SECONDS = 3.0
"""For the others to notice that one is gone."""
START_SECONDS = 300.0
"""For libraries to be imported, until the first beat."""


@dataclass(frozen=True)
class Fault:
    """Why a training cannot go on."""

    rank: int
    what: str
    """One line: which rank, where, and what became of it."""
    stack: str
    """Where its main thread was."""


class Crew:
    """The ranks of one attempt.

    Args:
        job: File that says what they do.
        folder: Where they write notes.
        size: How many.
        attempt: How often they have been started again.
        num_threads: Of each.
    """

    def __init__(self, job: Path, folder: Path, size: int, attempt: int, num_threads: int) -> None:
        self.folder = folder
        self.attempt = attempt
        self.started = time.time()
        self._idle: dict[int, tuple[float, float]] = {}
        self.processes = [self._start(job, rank, size, num_threads) for rank in range(size)]

    def _start(self, job: Path, rank: int, size: int, num_threads: int) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(size),
            "DANLU_ATTEMPT": str(self.attempt),
            "OMP_NUM_THREADS": str(num_threads),
        }
        command = [sys.executable, "-m", "danlu.training.parallel.rank", str(job)]
        with (self.folder / f"rank-{rank}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def are_done(self) -> bool:
        """Whether all have ended, and none with an error."""
        return all(process.poll() == 0 for process in self.processes)

    def ask_to_stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Kill those that are still there, frozen or not."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
        for process in self.processes:
            process.wait()

    def fault(self) -> Fault | None:
        """What is wrong with one of them, if something is."""
        if any(process.poll() not in (None, 0) for process in self.processes):
            return self._of_the_dead()
        beats = read_beats(self.folder, self.attempt)
        return self._frozen(beats) or self._stuck(beats)

    def _of_the_dead(self) -> Fault:
        """Of those that are gone, the one that did not leave because another was."""
        ended = time.monotonic() + GRACE_SECONDS
        notes: dict[int, str] = {}
        while time.monotonic() < ended and any(process.poll() is None for process in self.processes):
            time.sleep(0.05)
        beats = read_beats(self.folder, self.attempt)
        for rank in range(len(self.processes)):
            note = read_json(self.folder / f"failed-{rank}.json")
            if note and note["attempt"] == self.attempt:
                notes[rank] = note["error"]
        without_note = [
            rank for rank, process in enumerate(self.processes) if process.poll() not in (None, 0) and rank not in notes
        ]
        if without_note:
            rank = without_note[0]
            return Fault(rank, f"{_where(rank, beats)} was ended by {_how(self.processes[rank])}", _stack(rank, beats))
        rank = next(iter(notes))
        own = [each for each, error in notes.items() if not _is_about_others(error)]
        rank = own[0] if own else rank
        return Fault(rank, f"{_where(rank, beats)} failed: {notes[rank]}", _stack(rank, beats))

    def _frozen(self, beats: dict[int, Beat]) -> Fault | None:
        now = time.time()
        for rank, process in enumerate(self.processes):
            if process.poll() is not None:
                continue
            beat = beats.get(rank)
            silent = now - (beat.at if beat else self.started)
            if silent > (SILENT_SECONDS if beat else START_SECONDS):
                status = _status(process)
                what = f"{_where(rank, beats)} has not been heard of for {silent:.0f} s; the system calls it {status}"
                return Fault(rank, what, _stack(rank, beats))
        return None

    def _stuck(self, beats: dict[int, Beat]) -> Fault | None:
        """One that computes nothing and says nothing, while others wait for it."""
        waiting = [beat for beat in beats.values() if beat.is_waiting]
        for rank, beat in beats.items():
            since, used = self._idle.get(rank, (beat.at, beat.cpu_seconds))
            if beat.cpu_seconds - used > IDLE_CPU_SECONDS or beat.is_waiting or len(waiting) < len(beats) - 1:
                self._idle[rank] = beat.at, beat.cpu_seconds
            elif beat.at - since > IDLE_SECONDS and waiting:
                what = f"{_where(rank, beats)} does nothing for {beat.at - since:.0f} s, and the others wait for it"
                return Fault(rank, what, beat.stack)
            else:
                self._idle[rank] = since, used
        return None


def _is_about_others(error: str) -> bool:
    """Whether an error is what a rank sees when another one is gone."""
    return any(word in error for word in ("Connection closed", "Connection reset", "Broken pipe", "gloo", "NCCL"))


def _where(rank: int, beats: dict[int, Beat]) -> str:
    beat = beats.get(rank)
    return f"{beat.where}, {beat.doing}," if beat else f"rank {rank}, before its first word,"


def _stack(rank: int, beats: dict[int, Beat]) -> str:
    return beats[rank].stack if rank in beats else ""


def _how(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"{signal.Signals(-code).name} from outside" if code < 0 else f"itself with status {code}"


def _status(process: subprocess.Popen[bytes]) -> str:
    try:
        return str(psutil.Process(process.pid).status())
    except psutil.NoSuchProcess:
        return "gone"
