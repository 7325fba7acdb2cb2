"""The yardstick against machines that are known to be slower: this one with half of its time, or its cores, taken."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest

from danlu.hardware import yardstick


@pytest.fixture(autouse=True)
def readings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Those of one test, of which no plan made after it hears."""
    empty: list[tuple[float, float]] = []
    monkeypatch.setattr(yardstick, "_readings", empty)
    return empty


def fresh() -> float:
    """A reading that nothing measured before goes into."""
    yardstick._readings.clear()
    return yardstick.slowness()


def measured() -> float:
    """The less of two: other work can only add to it."""
    return min(fresh() for _ in range(2))


def spin(until: float) -> None:
    while time.time() < until:
        pass


def test_is_a_ratio_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    before = measured()
    assert 0.01 < before < 100
    for name in ("ARITHMETIC_SECONDS", "PYTHON_SECONDS"):
        monkeypatch.setattr(yardstick, name, getattr(yardstick, name) * 10)
    assert before / 40 < measured() < before / 2.5  # a tenth, on a machine that is never quite quiet


def test_the_quickest_of_all_readings_counts(readings: list[tuple[float, float]]) -> None:
    first = fresh()
    assert yardstick.slowness() <= first
    readings.append((1e-9, 1e-9))
    assert yardstick.slowness() < first / 1000


def test_is_measured_often_enough_and_no_more(readings: list[tuple[float, float]]) -> None:
    readings.extend([(1.0, 1.0)] * yardstick.MOST_ROUNDS)
    before = yardstick.slowness()
    assert yardstick.slowness() == before
    assert len(readings) == yardstick.MOST_ROUNDS


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="pins processes to a core")
def test_sees_what_else_takes_the_cores() -> None:
    quiet = measured()
    context = multiprocessing.get_context("spawn")
    until = time.time() + 300  # they are killed before
    others = [context.Process(target=spin, args=(until,)) for _ in range(3 * len(os.sched_getaffinity(0)))]
    for other in others:
        other.start()
    try:
        time.sleep(2)
        busy = measured()
    finally:
        for other in others:
            other.kill()
            other.join()
    assert busy > 1.5 * quiet
