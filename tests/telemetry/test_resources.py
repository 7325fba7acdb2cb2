"""What a piece of work took, against pages really touched and the clock."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
from resident_memory import MEGABYTE, linux, resident_bytes

from danlu.telemetry.allocator import release_memory
from danlu.telemetry.resources import Measured, _age_seconds

HELD_SECONDS = 0.2


def hold(num_bytes: int) -> None:
    """Touch so much memory for a while."""
    held = np.ones(num_bytes, np.uint8)
    time.sleep(HELD_SECONDS)
    del held


def idle_bytes() -> int:
    """What this process holds with those it started, some of which stay for the next pool of workers."""
    with Measured() as measured:
        pass
    return measured.peak_memory_bytes


@linux
def test_peak_sees_memory_that_is_held_and_given_back() -> None:
    release_memory()
    before = resident_bytes()
    with Measured() as measured:
        hold(100 * MEGABYTE)
    assert resident_bytes() - before < 20 * MEGABYTE, "given back before the body ended"
    assert measured.peak_memory_bytes - idle_bytes() == pytest.approx(100 * MEGABYTE, abs=10 * MEGABYTE)


@linux
def test_a_stage_is_not_charged_for_an_earlier_one() -> None:
    with Measured() as first:
        hold(100 * MEGABYTE)
    with Measured() as second:
        hold(20 * MEGABYTE)
    assert first.peak_memory_bytes - second.peak_memory_bytes == pytest.approx(80 * MEGABYTE, abs=10 * MEGABYTE)


@linux
def test_a_stage_is_not_charged_for_what_the_allocator_keeps() -> None:
    release_memory()
    before, idle = resident_bytes(), idle_bytes()
    # Pieces too small to be mapped on their own; the one behind them keeps the heap from shrinking by itself.
    pieces = [bytes(10_000) for _ in range(5_000)]
    last = bytes(10_000)
    assert resident_bytes() - before > 40 * MEGABYTE
    del pieces
    with Measured() as measured:
        time.sleep(0.05)
    assert measured.peak_memory_bytes - idle < 15 * MEGABYTE
    assert len(last) == 10_000


def test_seconds_are_those_of_the_body() -> None:
    outer = time.perf_counter()
    with Measured() as measured:
        inner = time.perf_counter()
        time.sleep(0.1)
        inner = time.perf_counter() - inner
    outer = time.perf_counter() - outer
    assert 0.1 <= inner <= measured.seconds <= outer


def test_work_that_fails_is_measured_too() -> None:
    measured = Measured()

    def fail() -> None:
        with measured:
            time.sleep(0.05)
            raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        fail()
    assert measured.seconds >= 0.05
    assert measured.peak_memory_bytes > 0


@linux
def test_memory_of_a_process_that_has_ended_does_not_count_any_more() -> None:
    """A second program holds 100 MB and ends; at once this process takes as much."""
    code = "import numpy, time; held = numpy.ones(100 * 10**6, numpy.uint8); time.sleep(0.7)"
    with Measured() as measured:
        subprocess.run([sys.executable, "-c", code], check=True)
        hold(100 * MEGABYTE)
    assert 100 * MEGABYTE < measured.peak_memory_bytes - idle_bytes() < 160 * MEGABYTE


@linux
def test_a_process_that_has_not_come_to_its_own_program_is_not_counted_with_our_memory() -> None:
    """Between vfork and exec it has all pages of this one."""
    over = threading.Event()

    def start_many() -> None:
        while not over.is_set():
            subprocess.run(["true"], check=True)

    held = np.ones(300 * MEGABYTE, np.uint8)
    starting = threading.Thread(target=start_many)
    idle = idle_bytes()
    starting.start()
    try:
        found = [idle_bytes() for _ in range(100)]
    finally:
        over.set()
        starting.join()
    assert max(found) - idle < 100 * MEGABYTE
    del held


@linux
def test_age_of_a_process_is_known_to_hundredths_of_a_second() -> None:
    before = time.perf_counter()
    with subprocess.Popen(["sleep", "60"]) as process:
        time.sleep(0.3)
        age, elapsed = _age_seconds(psutil.Process(process.pid)), time.perf_counter() - before
        process.kill()
    assert 0.28 < age < elapsed + 0.02
