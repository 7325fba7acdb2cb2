"""Programs that take turns on the machine, some seconds each, so that whatever slows it slows all of them.

All are started and live side by side, but only one runs at a time; the others are stopped (SIGSTOP). A program notes
the time of the clock at the end of each of its steps; the time that it was stopped is taken out of that.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.common import REPOSITORY


@dataclass(frozen=True)
class Program:
    """A command that works until it is ended."""

    command: list[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Turns:
    """How many turns each program gets, and how long they are."""

    count: int = 14
    seconds: float = 10.0
    first_seconds: float = 60.0
    """Of the first, in which programs start."""


@dataclass
class Runner:
    """A program that has been started, and when it ran."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    """What it has printed."""
    turns: list[tuple[float, float]] = field(default_factory=list)
    """Begin and end, in seconds of the clock."""

    def run(self, seconds: float) -> None:
        began = time.time()
        os.killpg(self.process.pid, signal.SIGCONT)
        time.sleep(seconds)
        os.killpg(self.process.pid, signal.SIGSTOP)
        self.turns.append((began, time.time()))

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            os.killpg(self.process.pid, signal.SIGCONT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def turn_rates(self, step_times: Sequence[float], warmup_steps: int) -> dict[int, float]:
        """Steps per second of its own time, by the number of the turn, for turns after warming up.

        Args:
            step_times: When steps ended, in seconds of the clock.
            warmup_steps: So many of them do not count.
        """
        ends = np.array([self._own_time(moment) for moment in step_times[max(0, warmup_steps - 1) :]])
        if len(ends) < 2:
            return {}
        rates = {}
        for number, (began, ended) in enumerate(self.turns):
            first, last = self._own_time(began), self._own_time(ended)
            if ends[0] <= first and last <= ends[-1]:
                done = np.interp([first, last], ends, np.arange(len(ends)))
                rates[number] = float(done[1] - done[0]) / (last - first)
        return rates

    def _own_time(self, moment: float) -> float:
        """Seconds that it had run at a moment of the clock."""
        return sum(min(max(moment - began, 0.0), ended - began) for began, ended in self.turns)


@contextmanager
def _started(programs: Mapping[str, Program], directory: Path) -> Iterator[list[Runner]]:
    """All programs, stopped; they are ended at the end."""
    runners: list[Runner] = []
    try:
        for number, (name, program) in enumerate(programs.items()):
            log = directory / f"{number}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    program.command,
                    env=program.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=REPOSITORY,
                    start_new_session=True,
                )
            os.killpg(process.pid, signal.SIGSTOP)
            runners.append(Runner(name, process, log))
        yield runners
    finally:
        for runner in runners:
            runner.end()


def take_turns(
    programs: Mapping[str, Program],
    directory: Path,
    turns: Turns,
    step_times: Callable[[str], Sequence[float]],
    warmup_steps: int,
) -> dict[str, dict[int, float]]:
    """Run programs in turn, then end them.

    Args:
        programs: By name.
        directory: For what they print.
        step_times: By name, when steps of a program ended, in seconds of the clock; asked when all have been ended.
        warmup_steps: So many of them do not count.

    Returns:
        By program, steps per second by the number of the turn, for turns after warming up.
    """
    with _started(programs, directory) as runners:
        for number in range(turns.count):
            for runner in runners:
                if runner.process.poll() is not None:
                    printed = runner.log.read_text(encoding="utf-8", errors="replace")
                    sys.exit(f"{runner.name} ended by itself with {runner.process.returncode}:\n{printed[-4000:]}")
                runner.run(turns.seconds if number else turns.first_seconds)
            print(f"turn {number + 1} of {turns.count}", flush=True)
    return {runner.name: runner.turn_rates(step_times(runner.name), warmup_steps) for runner in runners}


def read_times(path: Path) -> list[float]:
    """Numbers of a file, one to a line."""
    return [float(line) for line in path.read_text(encoding="utf-8").splitlines()]


def median_turn_ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> float:
    """Median over the turns that both have, of ours divided by theirs."""
    return statistics.median(ours[turn] / theirs[turn] for turn in sorted(ours.keys() & theirs.keys()))
