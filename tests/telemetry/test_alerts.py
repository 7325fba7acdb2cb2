"""Who is told what, and how often; the real thing on a server of this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from danlu.errors import Stopped, UserError
from danlu.telemetry.alerts import WARMUP_STEPS, Alerts, AppriseSender, Divergence, Threshold


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def alerts(reporter: Any, clock: Clock, **changes: Any) -> Iterator[tuple[Alerts, list[str]]]:
    sent: list[str] = []

    def send(title: str, message: str) -> bool:
        assert title == "Danlu: poet/train"
        sent.append(message)
        return True

    settings: dict[str, Any] = {
        "thresholds": [Threshold("train/loss", above=8.0, below=None)],
        "divergence": None,
        "silence_seconds": None,
        "pause_seconds": 60.0,
        **changes,
    }
    one = Alerts("Danlu: poet/train", send=send, reporter=reporter, clock=clock, **settings)
    with one:
        yield one, sent


def test_a_threshold_is_told_once_in_a_while_with_how_often(reporter: Any) -> None:
    clock = Clock()
    with alerts(reporter, clock) as (watching, sent):
        for step in range(1, 13):
            clock.now += 10
            watching.write(step, {"train/loss": 9.0 if step > 2 else 7.0, "validation/loss": 20.0})
    assert sent == [
        "Step 3: train/loss is 9, above 8.",
        "Step 9: train/loss is 9, above 8 (5 more since the last such message).",
    ]
    assert [event["arrived"] for event in reporter.events if event["event"] == "alert"] == [True, True]


def test_both_sides_of_a_threshold() -> None:
    both = Threshold("train/mfu", above=0.9, below=0.1)
    assert both.crossed(0.5) is None
    assert both.crossed(0.05) == "train/mfu is 0.05, below 0.1"
    assert both.crossed(0.95) == "train/mfu is 0.95, above 0.9"


def test_silence_is_told_once_and_its_end_too(reporter: Any) -> None:
    clock = Clock()
    with alerts(reporter, clock, silence_seconds=30.0, pause_seconds=0.0) as (watching, sent):
        watching.write(4, {"train/loss": 1.0})
        for _ in range(5):
            clock.now += 20
            watching.check_silence()
        watching.write(5, {"train/loss": 1.0})
        watching.check_silence()
    assert [message for message in sent if "no step" in message] == ["Step 4: no step for 40 s."]
    assert sent[-1] == "Step 5: steps come again."


def test_a_loss_that_runs_away_is_told() -> None:
    divergence = Divergence(1.0)
    losses = [*(5 - 0.05 * step for step in range(60)), *(2 + 0.3 * step for step in range(30))]
    crossed = [step for step, loss in enumerate(losses) if divergence.crossed(loss)]
    assert crossed
    assert 62 < crossed[0] < 85
    calm = Divergence(1.0)
    assert not any(calm.crossed(20.0 if step < WARMUP_STEPS - 1 else 5.0) for step in range(200))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UserError("The disk is full.", "Free some."), "it ended with an error. The disk is full."),
        (RuntimeError("no luck"), "it ended with an error. RuntimeError: no luck"),
        (Stopped(15), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_an_end_with_an_error_is_told(reporter: Any, error: BaseException, told: str | None) -> None:
    found: list[str] = []
    with pytest.raises(type(error)), alerts(reporter, Clock()) as (watching, sent):  # noqa: PT012
        found = sent
        watching.write(7, {"train/loss": 1.0})
        raise error
    assert [message.rstrip(".") for message in found] == ([f"Step 7: {told.rstrip('.')}"] if told else [])


def test_what_does_not_arrive_is_said(reporter: Any) -> None:
    threshold = Threshold("train/loss", above=8.0, below=None)
    with Alerts("x", [threshold], None, None, 0.0, lambda title, text: False, reporter) as watching:
        watching.write(1, {"train/loss": 9.0})
    assert reporter.warnings == ["An alert did not arrive everywhere: Step 1: train/loss is 9, above 8."]


@pytest.fixture
def receiver() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server on this machine: its port, and the JSON that it got."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], received
    server.shutdown()
    server.server_close()


def test_apprise_sends_to_a_server(reporter: Any, receiver: tuple[int, list[dict[str, Any]]]) -> None:
    pytest.importorskip("apprise")
    port, received = receiver
    send = AppriseSender([f"json://user:very-secret@127.0.0.1:{port}/path"])
    threshold = Threshold("train/loss", above=8.0, below=None)
    with Alerts("Danlu: poet", [threshold], None, None, 60.0, send, reporter) as watching:
        watching.write(3, {"train/loss": 9.5})
    assert [(each["title"], each["message"]) for each in received] == [
        ("Danlu: poet", "Step 3: train/loss is 9.5, above 8.")
    ]
    assert not reporter.warnings


def test_no_secret_is_shown_when_nobody_answers(
    reporter: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("apprise")
    send = AppriseSender(["json://user:very-secret@127.0.0.1:9/another-secret"])  # port 9 is closed
    assert not send("title", "text")
    out, err = capfd.readouterr()
    assert "secret" not in out + err + caplog.text


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(UserError, match=r"address 2 \(nonsense\)") as error:
        AppriseSender(["json://127.0.0.1", "nonsense://very-secret"])
    assert "secret" not in str(error.value)


def test_a_slow_receiver_holds_nothing_up(reporter: Any) -> None:
    def slow(title: str, message: str) -> bool:
        time.sleep(0.3)
        return True

    threshold = Threshold("train/loss", above=8.0, below=None)
    with Alerts("x", [threshold], None, None, 0.0, slow, reporter) as watching:
        started = time.perf_counter()
        for step in range(3):
            watching.write(step, {"train/loss": 9.0})
        assert time.perf_counter() - started < 0.1
