"""What the measurements rest on: the report, taking turns, the ratio, and memory of a family of processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks import common
from benchmarks.bench_demo import tree_memory
from benchmarks.bench_plan import row, whole_run


def test_report_prints_one_line_and_writes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    assert common.report("speed", 4.2, 4.0, runs=[1, 2])
    assert capsys.readouterr().out == '{"name": "speed", "value": 4.2, "bar": 4.0, "met": true}\n'
    written = json.loads((tmp_path / "results" / "speed.json").read_text(encoding="utf-8"))
    assert written["runs"] == [1, 2]
    assert written["machine"]["cores"] >= 1
    assert written["versions"]["torch"]


@pytest.mark.parametrize(
    ("value", "bar", "smaller_is_better", "met"),
    [(4.0, 4.0, False, True), (3.99, 4.0, False, False), (0.15, 0.15, True, True), (0.16, 0.15, True, False)],
)
def test_the_bar_itself_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, bar: float, smaller_is_better: bool, met: bool
) -> None:
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    assert common.report("figure", value, bar, smaller_is_better=smaller_is_better) is met


def test_programs_take_turns() -> None:
    calls = []

    def program(name: str, number: int) -> float:
        calls.append((name, number))
        return float(number)

    figures = common.interleave(2, {"a": lambda number: program("a", number), "b": lambda number: program("b", number)})
    assert calls == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert figures == {"a": [1.0, 2.0], "b": [1.0, 2.0]}


def test_the_ratio_is_taken_within_a_round() -> None:
    # In the third round the machine was ten times slower, for both.
    assert common.median_ratio([400, 440, 40], [100, 100, 10]) == 4.0


def test_memory_of_children_counts() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b = bytearray(200_000_000); input()'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while tree_memory(process.pid) < 200_000_000:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.communicate(b"\n")
    assert tree_memory(process.pid) == 0


def test_errors_of_a_plan_are_shares_of_what_was_measured() -> None:
    compared = row("demo", "tuned", predicted=(12.0, 3_000), measured=(10.0, 4_000))
    assert compared["judged"]
    assert compared["seconds_error"] == pytest.approx(0.2)
    assert compared["memory_error"] == pytest.approx(-0.25)
    assert not row("demo", "rows", predicted=(1.0, 1), measured=(9.9, 1))["judged"]


def test_stages_follow_each_other() -> None:
    assert whole_run([(10.0, 500), (5.0, 900)]) == (15.0, 900)
