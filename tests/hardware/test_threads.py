"""OpenMP itself says how its threads will wait: for 0 rounds of spinning, or for very many."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path

import pytest

from danlu.hardware.threads import workers_of_one_thread

SCRIPT = """
import ctypes, sys
from danlu.hardware.threads import let_waiting_threads_sleep
let_waiting_threads_sleep()
assert "torch" not in sys.modules
ctypes.CDLL(sys.argv[1])
"""


@pytest.fixture(scope="module")
def openmp() -> Path:
    """GNU's OpenMP library as torch brings it."""
    spec = find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    found = sorted((Path(spec.origin).parent / "lib").glob("libgomp*.so*"))
    if not found:
        pytest.skip("this torch brings no libgomp")
    return found[0]


@pytest.mark.parametrize(
    ("chosen", "spins"), [(None, lambda count: count == 0), ("active", lambda count: count > 1_000_000)]
)
def test_waiting_threads_sleep_unless_the_user_chose(openmp: Path, chosen: str | None, spins: object) -> None:
    unwanted = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["OMP_DISPLAY_ENV"] = "verbose"
    if chosen:
        environment["OMP_WAIT_POLICY"] = chosen
    command = [sys.executable, "-c", SCRIPT, str(openmp)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
    (line,) = [line for line in said.splitlines() if "GOMP_SPINCOUNT" in line]
    assert spins(int(line.split("'")[1]))  # type: ignore[operator]


def test_work_sees_its_callers_context() -> None:
    said = ContextVar("said", default="nothing")
    with workers_of_one_thread() as pool:
        said.set("before")
        assert list(pool.map(lambda item: (item, said.get()), range(3))) == [(item, "before") for item in range(3)]
        list(pool.map(lambda _: said.set("by a worker"), range(3)))
        assert said.get() == "before", "what work sets is its own"


def test_workers_are_there_before_work_comes() -> None:
    before = threading.active_count()
    with workers_of_one_thread() as pool:
        assert threading.active_count() == before + pool.count
    assert threading.active_count() == before


def test_results_do_not_pile_up() -> None:
    """What is done waits to be taken, so work does not run ahead of whoever takes it."""
    done: list[int] = []
    with workers_of_one_thread() as pool:
        results = pool.map(lambda item: done.append(item) or item, range(100))  # type: ignore[func-returns-value]
        assert not done
        for taken in range(10):
            assert next(results) == taken
            time.sleep(0.02)
            assert taken < len(done) <= taken + 1 + 2 * pool.count
        results.close()  # type: ignore[attr-defined]
        assert len(done) <= 10 + 2 * pool.count


def test_a_failure_ends_the_work() -> None:
    done: list[int] = []

    def fail(item: int) -> None:
        if item == 3:
            raise KeyError("lost")
        done.append(item)

    with workers_of_one_thread() as pool:
        with pytest.raises(KeyError, match="lost"):
            list(pool.map(fail, range(100)))
        assert len(done) <= 3 + 2 * pool.count
