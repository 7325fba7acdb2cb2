"""How fast this machine is today, beside the one on which the stages' constants of time were measured."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from danlu.hardware.machine import num_usable_cores

REFERENCE_SECONDS = 0.4
"""What the work below took on two cores of an Intel Xeon with AMX, in the hour in which the constants were measured."""
BLOCK_BYTES = 16 * 2**20
REPEATS = 16


@cache
def slowness() -> float:
    """How many times longer work takes here than where constants were measured; 2.0 is half as fast.

    Every core hashes and copies at once, so that what else runs on the machine, or beside it on its host, shows. Takes
    under half a second, once a process. It says little about number formats that one machine has and another
    lacks.
    """
    count = num_usable_cores()
    with ThreadPoolExecutor(count) as pool:
        started = time.perf_counter()
        list(pool.map(lambda _: _work(), range(count)))
        return (time.perf_counter() - started) / REFERENCE_SECONDS


def _work() -> None:
    block = bytearray(BLOCK_BYTES)
    for _ in range(REPEATS):
        hashlib.sha256(block).digest()
        block = bytearray(memoryview(block))
