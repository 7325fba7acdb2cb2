"""How fast this machine is today, beside the one on which the stages' constants of time were measured."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np

from danlu.hardware.machine import num_usable_cores

ARITHMETIC_SECONDS, PYTHON_SECONDS = 0.0105, 0.0101
"""What the two works below take where constants hold. Two cores of an AMD EPYC (Zen 4), which take 1.2 times as long as
the constants of reading, evaluating and exporting a model say, took 1.2 times as long for these, too."""
NUMBERS = 2**21
ROUNDS = 10

_arithmetic: list[float] = []
_python: list[float] = []


def slowness() -> float:
    """How many times longer work takes here than where constants were measured; 2.0 is half as fast.

    The mean over two kinds of work: arithmetic on arrays, on every core at once, so that what else runs on the machine,
    or beside it on its host, shows; and what Python does by itself, on one. Each call measures for a quarter of a
    second and counts what was measured by those before, too: a plan that asks for each of its stages sees the machine
    at several moments. It says little about number formats that one machine has and another lacks.
    """
    numbers, records = np.linspace(0, 1, NUMBERS, dtype=np.float32), _records()
    results = [np.empty_like(numbers) for _ in range(num_usable_cores())]
    calculate = partial(_calculate, numbers)
    with ThreadPoolExecutor(len(results)) as pool, _without_garbage_collection():
        for _ in range(ROUNDS):  # in turns, so that a bad moment falls on both
            _arithmetic.append(_seconds(lambda: list(pool.map(calculate, results))))
            _python.append(_seconds(lambda: _count_letters(records)))
    return (statistics.median(_arithmetic) / ARITHMETIC_SECONDS + statistics.median(_python) / PYTHON_SECONDS) / 2


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
