"""One channel for everything a run says: events, messages and progress.

Stages speak to a `Reporter`; who listens (the terminal, the events file) is none of their business.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol


class Listener(Protocol):
    """Receives what a run says. Every event is a dict with at least ``time`` and ``event``."""

    def on_event(self, event: dict[str, Any]) -> None: ...

    def on_progress(self, task: Task) -> None: ...


class Task:
    """Progress of one piece of long work."""

    def __init__(self, reporter: Reporter, description: str, total: float | None, unit: str) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        """What is counted, for example ``tokens``; shown with the rate."""
        self.completed = 0.0
        self.started = time.monotonic()
        self.note = ""
        """Something worth seeing beside the bar, for example the current loss."""
        self.finished = False
        self._reporter = reporter

    def advance(self, amount: float = 1, note: str | None = None) -> None:
        self.completed += amount
        if note is not None:
            self.note = note
        self._reporter._publish_progress(self)


class Reporter:
    """Hands events to listeners.

    Args:
        listeners: Called in order for every event and progress change.
        fields: Added to every event, for example ``{"stage": "tuned"}``.
    """

    def __init__(self, listeners: list[Listener] | None = None, fields: dict[str, Any] | None = None) -> None:
        self._listeners = listeners or []
        self._fields = fields or {}

    def bind(self, **fields: Any) -> Reporter:
        """A reporter to the same listeners that adds these fields to each event."""
        return Reporter(self._listeners, {**self._fields, **fields})

    def event(self, event: str, **fields: Any) -> None:
        """Something happened. `fields` must be JSON."""
        record = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **self._fields,
            **fields,
        }
        for listener in self._listeners:
            listener.on_event(record)

    def say(self, message: str) -> None:
        """One line for the person watching."""
        self.event("message", message=message)

    def warn(self, message: str) -> None:
        """Something the person must know: a setting that is ignored, data dropped, a fallback taken."""
        self.event("warning", message=message)

    @contextmanager
    def progress(self, description: str, total: float | None, unit: str) -> Iterator[Task]:
        """Announce long work; call ``advance`` on what is yielded."""
        task = Task(self, description, total, unit)
        self._publish_progress(task)
        try:
            yield task
        finally:
            task.finished = True
            self._publish_progress(task)

    def _publish_progress(self, task: Task) -> None:
        for listener in self._listeners:
            listener.on_progress(task)


class EventLog:
    """Listener that appends each event to ``events.jsonl``, on a line of its own even after one cut short by a kill."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cut_short = _ends_within_a_line(path)
        # A file name that is not UTF-8 comes as lone surrogates; written as \udcff they are JSON all the same.
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace")
        if cut_short:
            self._file.write("\n")

    def on_event(self, event: dict[str, Any]) -> None:
        self._file.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._file.flush()

    def on_progress(self, task: Task) -> None:
        """Progress is for eyes; the metrics files keep the numbers."""

    def close(self) -> None:
        self._file.close()


def _ends_within_a_line(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
