"""The processes of the ranks on this machine: started, told to stop, ended; and what is wrong with one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from danlu.training.parallel.notes import BEAT_SECONDS, SILENT_SECONDS, Beat, read_beats, read_json

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


class Forge:
    """The process that the ranks come from; a context, which leaves none of them behind.

    Args:
        job: File that says what they do.
        size: How many.
        num_threads: Of each.
    """

    def __init__(self, job: Path, size: int, num_threads: int) -> None:
        self.folder = job.parent
        self.size = size
        self._process = subprocess.Popen(
            [sys.executable, "-m", "danlu.training.parallel.forge", str(job), str(size)],
            env={**os.environ, "OMP_NUM_THREADS": str(num_threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "forge.log").open("wb"),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._rest = b""

    def __enter__(self) -> Forge:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def start(self, attempt: int) -> None:
        """Have all ranks started."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d\n" % attempt)
        self._process.stdin.flush()

    def said(self) -> list[dict[str, int]]:
        """What is new of the ranks.

        Raises:
            RuntimeError: the forge itself has ended.
        """
        assert self._process.stdout is not None
        *lines, self._rest = (self._rest + (self._process.stdout.read() or b"")).split(b"\n")
        if not lines and self._process.poll() is not None:
            log = (self.folder / "forge.log").read_text(errors="replace")[-1000:]
            raise RuntimeError(f"the process that ranks are forked from ended with {self._process.returncode}: {log}")
        return [json.loads(line) for line in lines]


class Crew:
    """The ranks of one attempt.

    Args:
        forge: Where they come from.
        attempt: How often they have been started again.
    """

    def __init__(self, forge: Forge, attempt: int) -> None:
        self.folder = forge.folder
        self.attempt = attempt
        self.started = time.time()
        self._forge = forge
        self._pids: dict[int, int] = {}
        self._statuses: dict[int, int] = {}
        self._idle: dict[int, tuple[float, float]] = {}
        self._listened = 0.0
        forge.start(attempt)

    def _look(self) -> None:
        for news in self._forge.said():
            if "pid" in news:
                self._pids[news["rank"]] = news["pid"]
            else:
                self._statuses[news["rank"]] = news["status"]

    def are_done(self) -> bool:
        """Whether all have ended, and none with an error."""
        self._look()
        return len(self._statuses) == self._forge.size and not any(self._statuses.values())

    def ask_to_stop(self) -> None:
        self._send(signal.SIGTERM)

    def end(self) -> None:
        """Kill those that are still there, frozen or not."""
        self._look()
        self._send(signal.SIGKILL)
        while self._statuses.keys() < self._pids.keys():
            self._look()
            time.sleep(0.01)

    def _send(self, number: signal.Signals) -> None:
        """To those that have not ended."""
        for rank, pid in self._pids.items():
            if rank not in self._statuses:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def fault(self) -> Fault | None:
        """What is wrong with one of them, if something is."""
        self._look()
        if any(self._statuses.values()):
            return self._of_the_dead()
        if time.monotonic() - self._listened < BEAT_SECONDS:
            return None
        self._listened = time.monotonic()
        beats = read_beats(self.folder, self.attempt)
        return self._frozen(beats) or self._stuck(beats)

    def _of_the_dead(self) -> Fault:
        """Of those that are gone, the one that did not leave because another was."""
        ended = time.monotonic() + GRACE_SECONDS
        notes: dict[int, str] = {}
        while time.monotonic() < ended and len(self._statuses) < self._forge.size:
            time.sleep(0.05)
            self._look()
        beats = read_beats(self.folder, self.attempt)
        for rank in range(self._forge.size):
            note = read_json(self.folder / f"failed-{rank}.json")
            if note and note["attempt"] == self.attempt:
                notes[rank] = note["error"]
        without_note = [rank for rank, status in self._statuses.items() if status and rank not in notes]
        if without_note:
            rank = without_note[0]
            return Fault(rank, f"{_where(rank, beats)} was ended by {_how(self._statuses[rank])}", _stack(rank, beats))
        rank = next(iter(notes))
        own = [each for each, error in notes.items() if not _is_about_others(error)]
        rank = own[0] if own else rank
        return Fault(rank, f"{_where(rank, beats)} failed: {notes[rank]}", _stack(rank, beats))

    def _frozen(self, beats: dict[int, Beat]) -> Fault | None:
        now = time.time()
        for rank, pid in self._pids.items():
            if rank in self._statuses:
                continue
            beat = beats.get(rank)
            silent = now - (beat.at if beat else self.started)
            if silent > (SILENT_SECONDS if beat else START_SECONDS):
                status = _status(pid)
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


def _how(status: int) -> str:
    return f"{signal.Signals(-status).name} from outside" if status < 0 else f"itself with status {status}"


def _status(pid: int) -> str:
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return "gone"
