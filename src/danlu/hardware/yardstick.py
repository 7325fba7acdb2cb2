"""How fast this machine is today, beside the one on which the stages' constants of time were measured."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np

from danlu.hardware.machine import num_usable_cores

ARITHMETIC_SECONDS, PYTHON_SECONDS = 0.0097, 0.0107
"""What the two works below take where constants hold. Two cores of an AMD EPYC (Zen 4), which take 1.1 to 1.2 times as
long as the constants of evaluating and exporting a model say, took 1.15 times as long for these."""
NUMBERS = 2**21
FIRST_ROUNDS, MORE_ROUNDS, MOST_ROUNDS = 30, 10, 80
"""Of a process's first call, of each after it, and of all together."""
PAUSE_SECONDS = 0.02
"""After each round: slow moments last for some tenths of a second."""

_readings: list[tuple[float, float]] = []
"""Seconds of arithmetic and of Python, of every round in this process."""


def slowness() -> float:
    """How many times longer work takes here than where constants were measured; 2.0 is half as fast.

    The mean over two kinds of work: arithmetic on arrays, on every core at once, so that what else runs on the machine
    shows; and what Python does by itself, on one. Of each counts the quickest round: what disturbs a round of a
    hundredth of a second, a neighbour on the host for one, is over or made up for in the minutes that stages take. What
    was measured by a process's calls before counts, too; the first takes a second and a half, those after it less, and
    none but the first few measure anything. It says little about number formats that one machine has and another lacks.
    """
    if len(_readings) < MOST_ROUNDS:
        _read(MORE_ROUNDS if _readings else FIRST_ROUNDS)
    arithmetic, python = min(first for first, _ in _readings), min(second for _, second in _readings)
    return (arithmetic / ARITHMETIC_SECONDS + python / PYTHON_SECONDS) / 2


def _read(num_rounds: int) -> None:
    numbers, records = np.linspace(0, 1, NUMBERS, dtype=np.float32), _records()
    results = [np.empty_like(numbers) for _ in range(num_usable_cores())]
    calculate = partial(_calculate, numbers)
    with ThreadPoolExecutor(len(results)) as pool, _without_garbage_collection():
        for _ in range(num_rounds):  # in turns, so that a bad moment falls on both
            arithmetic = _seconds(lambda: list(pool.map(calculate, results)))
            _readings.append((arithmetic, _seconds(lambda: _count_letters(records))))
            time.sleep(PAUSE_SECONDS)


def _calculate(numbers: np.ndarray, result: np.ndarray) -> None:
    """In place: how long the system takes to hand out fresh memory differs tenfold from one moment to the next."""
    np.copyto(result, numbers)
    for _ in range(6):
        result *= np.float32(0.5)
        result -= np.float32(1)
        np.exp(result, out=result)
        result += numbers


def _records() -> str:
    return json.dumps([{"number": number, "text": str(number), "list": [number] * 5} for number in range(8000)])


def _count_letters(records: str) -> None:
    letters: dict[str, int] = {}
    for record in json.loads(records):
        for name, value in record.items():
            letters[name] = letters.get(name, 0) + len(str(value))


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """It would look through everything the process holds, which with large libraries takes ten times as long."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
