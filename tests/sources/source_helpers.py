"""A listener that remembers, and fetches in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from danlu.telemetry.reporter import Task


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.warnings: list[str] = []
        self.progress: dict[str, tuple[float, float | None]] = {}

    def on_event(self, event: dict[str, Any]) -> None:
        (self.warnings if event["event"] == "warning" else self.messages).append(event["message"])

    def on_progress(self, task: Task) -> None:
        assert task.unit == "bytes"
        self.progress[task.description] = (task.completed, task.total)


FETCH_SCRIPT = """
import json, sys
from pathlib import Path
from danlu.errors import UserError
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

class Warnings:
    def on_event(self, event):
        if event["event"] == "warning":
            print("warning:", event["message"], file=sys.stderr)
    def on_progress(self, task): pass

try:
    source = fetch(sys.argv[1], cache=Path(sys.argv[2]), reporter=Reporter([Warnings()]))
    print(json.dumps({"path": str(source.path), **source.record.model_dump()}))
except UserError as error:
    print(json.dumps({"error": type(error).__name__, "what": error.what, "hint": error.hint}))
"""


class Fetching:
    """Fetches in processes of their own, each a leader of its own group."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, uri: str, cache: Path, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", FETCH_SCRIPT, uri, str(cache)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        self.processes.append(process)
        return process


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
