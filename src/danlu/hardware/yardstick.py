"""How fast this machine is today, beside the one on which the stages' constants of time were measured."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from danlu.hardware.machine import num_usable_cores

ARITHMETIC_SECONDS, PYTHON_SECONDS = 0.0154, 0.0167
"""What the two works below take where constants hold. Two cores of an AMD EPYC (Zen 4), which take 1.2 times as long as
the constants of reading, evaluating and exporting a model say, took 1.2 times as long for these, too."""
NUMBERS = 2**21
ROUNDS = 7


@cache
def slowness() -> float:
    """How many times longer work takes here than where constants were measured; 2.0 is half as fast.

    The mean over two kinds of work: arithmetic on arrays, on every core at once, so that what else runs on the machine,
    or beside it on its host, shows; and what Python does by itself, on one. Takes under half a second, once a process.
    It says little about number formats that one machine has and another lacks.
    """
    numbers, records = np.linspace(0, 1, NUMBERS, dtype=np.float32), _records()
    count = num_usable_cores()
    arithmetic, python = [], []
    with ThreadPoolExecutor(count) as pool:
        for _ in range(ROUNDS):  # in turns, so that a bad moment falls on both
            arithmetic.append(_seconds(lambda: list(pool.map(_calculate, [numbers] * count))))
            python.append(_seconds(lambda: _count_letters(records)))
    return (statistics.median(arithmetic) / ARITHMETIC_SECONDS + statistics.median(python) / PYTHON_SECONDS) / 2


def _calculate(numbers: np.ndarray) -> None:
    result = numbers
    for _ in range(6):
        result = np.exp(result * np.float32(0.5) - np.float32(1)) + numbers


def _records() -> str:
    return json.dumps([{"number": number, "text": str(number), "list": [number] * 5} for number in range(8000)])


def _count_letters(records: str) -> None:
    letters: dict[str, int] = {}
    for record in json.loads(records):
        for name, value in record.items():
            letters[name] = letters.get(name, 0) + len(str(value))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
