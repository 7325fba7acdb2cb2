"""Programs that take turns: only one runs at a time, and its speed is that of its own time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.turns import Program, Turns, median_turn_ratio, read_times, take_turns

WORKER = """
import sys, time
with open(sys.argv[1], "w", buffering=1) as times:
    while True:
        time.sleep(float(sys.argv[2]))
        times.write(f"{time.time()}\\n")
"""


def test_stopped_time_does_not_count(tmp_path: Path) -> None:
    paths = {"fast": tmp_path / "fast", "slow": tmp_path / "slow"}
    seconds = {"fast": "0.02", "slow": "0.04"}
    programs = {
        name: Program([sys.executable, "-c", WORKER, str(path), seconds[name]], {}) for name, path in paths.items()
    }
    turns = Turns(count=5, seconds=0.5, first_seconds=0.5)
    rates = take_turns(programs, tmp_path, turns, lambda name: read_times(paths[name]), 2)
    # The first turn warms up, and the last one ends after the last step.
    assert set(rates["fast"]) == set(rates["slow"]) == {1, 2, 3}
    assert 1.4 < median_turn_ratio(rates["fast"], rates["slow"]) < 2.6
    assert rates["fast"][2] < 51


def test_a_program_that_fails_ends_the_measurement(tmp_path: Path) -> None:
    broken = Program([sys.executable, "-c", "raise SystemExit('out of luck')"], {})
    with pytest.raises(SystemExit, match="broken ended by itself with 1:\nout of luck"):
        take_turns({"broken": broken}, tmp_path, Turns(3, 0.5, 0.5), lambda name: [], 0)
