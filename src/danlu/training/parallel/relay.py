"""What the first rank says, brought to the process that started it: one line of JSON for each event or progress."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from danlu.telemetry.reporter import Reporter, Task

PROGRESS_SECONDS = 0.1
"""Between two lines of progress."""


class Teller:
    """Listener of a rank's reporter; writes what it hears into a file.

    Args:
        path: Appended to.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._told = 0.0

    def on_event(self, event: dict[str, Any]) -> None:
        self._write({"event": {name: value for name, value in event.items() if name not in ("time", "stage")}})

    def on_progress(self, task: Task) -> None:
        if not task.finished and time.monotonic() - self._told < PROGRESS_SECONDS:
            return
        self._told = time.monotonic()
        self._write(
            {
                "progress": {
                    "description": task.description,
                    "total": task.total,
                    "unit": task.unit,
                    "completed": task.completed,
                    "note": task.note,
                    "finished": task.finished,
                }
            }
        )

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class Relay:
    """Reads what a `Teller` writes, and says it to a reporter. A context: progress is shown until it is left.

    Args:
        path: Of the file; it need not be there yet.
        reporter: Told.
    """

    def __init__(self, path: Path, reporter: Reporter) -> None:
        self._path = path
        self._reporter = reporter
        self._file: IO[str] | None = None
        self._rest = ""
        self._stack = ExitStack()
        self._tasks: dict[str, Task] = {}

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.poll()
        self._stack.close()
        if self._file:
            self._file.close()

    def poll(self) -> None:
        """Say what is new."""
        if self._file is None:
            if not self._path.exists():
                return
            self._file = self._path.open(encoding="utf-8")
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            content = json.loads(line)
            if "event" in content:
                self._reporter.event(content["event"].pop("event"), **content["event"])
            else:
                self._show(content["progress"])

    def _show(self, progress: dict[str, Any]) -> None:
        description = progress["description"]
        if description not in self._tasks:
            if progress["finished"]:
                return
            self._tasks[description] = self._stack.enter_context(
                self._reporter.progress(description, progress["total"], progress["unit"])
            )
        task = self._tasks[description]
        task.advance(progress["completed"] - task.completed, note=progress["note"])
