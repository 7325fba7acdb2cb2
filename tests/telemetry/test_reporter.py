"""What a run says reaches every listener, and the event log keeps it through kills and odd file names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from danlu.telemetry.reporter import EventLog, Reporter, Task

LINE_BREAKS = "a\nb\r\nc\u2028d\u2029e\x85f\x0bg\x0ch"


class Ear:
    """A listener that writes down what it hears, and the state of each task when it hears of it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.progress: list[tuple[str, float, float | None, str, str, bool]] = []

    def on_event(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def on_progress(self, task: Task) -> None:
        self.progress.append((task.description, task.completed, task.total, task.unit, task.note, task.finished))


@pytest.fixture
def ear() -> Ear:
    return Ear()


def without_time(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "time"} for event in events]


def test_messages_and_warnings_are_events(ear: Ear) -> None:
    reporter = Reporter([ear])
    reporter.say("3 rows read")
    reporter.warn("1 row dropped")
    reporter.event("checkpoint", step=7, path="a/b")
    assert without_time(ear.events) == [
        {"event": "message", "message": "3 rows read"},
        {"event": "warning", "message": "1 row dropped"},
        {"event": "checkpoint", "step": 7, "path": "a/b"},
    ]


def test_events_know_their_time(ear: Ear) -> None:
    # Recorded in whole milliseconds.
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    Reporter([ear]).say("now")
    moment = datetime.fromisoformat(ear.events[0]["time"])
    assert moment.utcoffset() == timedelta(0)
    assert before <= moment <= datetime.now(UTC)


def test_bound_fields_are_added_and_do_not_leak(ear: Ear) -> None:
    reporter = Reporter([ear], {"run": "toy"})
    stage = reporter.bind(stage="tuned")
    stage.bind(stage="proof", part="test").warn("inner")
    stage.say("middle")
    reporter.say("outer")
    assert without_time(ear.events) == [
        {"event": "warning", "run": "toy", "stage": "proof", "part": "test", "message": "inner"},
        {"event": "message", "run": "toy", "stage": "tuned", "message": "middle"},
        {"event": "message", "run": "toy", "message": "outer"},
    ]


def test_listeners_are_called_in_order() -> None:
    heard: list[str] = []

    class Named(Ear):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_event(self, event: dict[str, Any]) -> None:
            heard.append(self.name)

        def on_progress(self, task: Task) -> None:
            heard.append(self.name.upper())

    reporter = Reporter([Named("a"), Named("b")])
    reporter.say("x")
    with reporter.progress("work", 1, "rows"):
        pass
    assert heard == ["a", "b", "A", "B", "A", "B"]


def test_nobody_needs_to_listen() -> None:
    reporter = Reporter()
    reporter.warn("unheard")
    with reporter.progress("work", None, "rows") as task:
        task.advance()


def test_progress_is_announced_advanced_and_finished(ear: Ear) -> None:
    with Reporter([ear]).progress("training", 100, "tokens") as task:
        task.advance(30, note="loss 2.5")
        task.advance()
        task.advance(2.5, note="")
    assert ear.progress == [
        ("training", 0, 100, "tokens", "", False),
        ("training", 30, 100, "tokens", "loss 2.5", False),
        ("training", 31, 100, "tokens", "loss 2.5", False),
        ("training", 33.5, 100, "tokens", "", False),
        ("training", 33.5, 100, "tokens", "", True),
    ]
    assert ear.events == []


def test_progress_is_finished_after_an_error(ear: Ear) -> None:
    def fail() -> None:
        with Reporter([ear]).progress("training", None, "tokens"):
            raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        fail()
    assert [finished for *_, finished in ear.progress] == [False, True]


def test_event_log_holds_one_json_object_a_line(tmp_path: Path, ear: Ear) -> None:
    path = tmp_path / "runs" / "toy" / "events.jsonl"
    log = EventLog(path)
    reporter = Reporter([log, ear]).bind(stage="丹炉")
    reporter.say(LINE_BREAKS)
    reporter.event("facts", nested={"loss": 0.1, "ids": [1, None, True]})
    with reporter.progress("work", 1, "rows") as task:
        task.advance()
    log.close()
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == ear.events
    assert "丹炉".encode() in lines[0], "readable as it is"


def test_each_event_can_be_read_at_once(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for number in range(3):
        Reporter([log]).say(str(number))
        assert len((tmp_path / "events.jsonl").read_text().splitlines()) == number + 1
    log.close()


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode elsewhere")
def test_file_name_that_is_no_text_can_be_reported(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.json")
    log = EventLog(tmp_path / "events.jsonl")
    Reporter([log]).warn(f"Not taken: {name}")
    log.close()
    event = json.loads((tmp_path / "events.jsonl").read_text(encoding="utf-8"))
    assert event["message"] == f"Not taken: {name}"


def test_log_is_appended_to(tmp_path: Path) -> None:
    for message in ("first run", "second run"):
        log = EventLog(tmp_path / "events.jsonl")
        Reporter([log]).say(message)
        log.close()
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["first run", "second run"]


def test_line_cut_short_by_a_kill_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    Reporter([log]).say("whole")
    Reporter([log]).say("cut short")
    log.close()
    path.write_bytes(path.read_bytes()[:-9])
    log = EventLog(path)
    Reporter([log]).say("next run")
    log.close()
    first, cut, last = path.read_text().splitlines()
    assert (json.loads(first)["message"], json.loads(last)["message"]) == ("whole", "next run")
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)


def test_events_before_a_kill_are_kept(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from danlu.telemetry.reporter import EventLog, Reporter\n"
        "reporter = Reporter([EventLog(Path(sys.argv[1]))])\n"
        "for number in range(50): reporter.say(str(number))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "events.jsonl")], check=False)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == [str(number) for number in range(50)]
