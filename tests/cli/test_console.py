"""What a run shows while it goes on."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from danlu.cli.console import PlainListener, TerminalListener, describe_amount, make_listener
from danlu.telemetry.reporter import Reporter


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ((12288, 60000, "tokens", 251.3), "12,288 / 60,000 tokens, 251/s, 3 min 10 s left"),
        ((3, None, "rows", 0.25), "3 rows, 0.25/s"),
        ((0, 5, "rows", 0.0), "0 / 5 rows"),
        ((5, 5, "rows", 2.0), "5 / 5 rows, 2/s"),
        ((50 * 2**20, 100 * 2**20, "B", 2**20), "50.0 MiB / 100 MiB, 1.0 MiB/s, 50 s left"),
    ],
)
def test_amounts(amount: tuple[float, float | None, str, float], shown: str) -> None:
    assert describe_amount(*amount) == shown


def test_without_a_terminal_plain_lines_with_the_time() -> None:
    console = Console(file=io.StringIO(), width=60)
    listener = make_listener(console)
    assert isinstance(listener, PlainListener)
    reporter = Reporter([listener]).bind(stage="tuned")
    reporter.event("stage_started", do="train", predicted={"seconds": 200})
    reporter.warn("[odd] markup " + "and a long line " * 8)
    reporter.event("of_no_interest")
    with reporter.progress("training", 10, "rows") as task:
        for _ in range(10):
            task.advance()
    lines = text_of(console).splitlines()
    assert len(lines) == 2, "progress is throttled"
    assert re.fullmatch(r"\d\d:\d\d:\d\d  tuned: train, about 3 min 20 s expected", lines[0])
    assert "tuned: warning: [odd] markup and a long line" in lines[1]


def test_plain_progress_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), width=100)
    listener = PlainListener(console)
    monkeypatch.setattr("danlu.cli.console.PLAIN_SECONDS", 0.7)
    with Reporter([listener]).progress("training", 100, "rows") as task:
        task.advance(50)  # done before a kill: not speed
        time.sleep(0.8)
        task.advance(8, note="loss 1.2")
    (line,) = text_of(console).splitlines()
    found = re.search(r"training  58 / 100 rows, ([\d.]+)/s, ([\d.]+) s left  loss 1.2", line)
    assert found
    assert 5 <= float(found[1]) <= 11


@pytest.mark.parametrize("width", [80, 100])
def test_terminal_line_fits(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    listener = make_listener(console)
    assert isinstance(listener, TerminalListener)
    reporter = Reporter([listener]).bind(stage="tuned")
    reporter.event("stage_started", do="train", predicted={"seconds": 200})
    with reporter.progress("training", 6_000_000, "tokens") as task:
        task.advance(0)
        time.sleep(0.6)
        task.advance(1_234_567, note="loss 1.234 [x]")
        listener._progress.refresh()
        last = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text_of(console)).split("\r")[-1].splitlines()
        reporter.warn("seen above the bar")
    listener.close()
    assert len(last) == 2, "one line for the stage, one for the work in hand"
    assert all(len(line) <= width for line in last)
    assert "1,234,567 / 6,000,000 tokens" in last[1]
    assert "seen above the bar" in text_of(console)
