"""The record of a run on disk: ``run.json`` (state of each stage) and ``progress.json`` (the work in hand)."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from danlu.artifacts.readable_json import write_json
from danlu.pipeline.pace import Pace, seconds_left
from danlu.telemetry.reporter import Task

PROGRESS_SECONDS = 1.0
"""At most this often is ``progress.json`` written."""


def replace_json(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` by `content` in one move, so that a reader sees the old file or the new one."""
    aside = path.with_name(f".{path.name}.partial")
    write_json(aside, content)
    os.replace(aside, path)


def read_json(path: Path) -> dict[str, Any] | None:
    """The content, or None when there is no such file or it is not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RunRecord:
    """Keeps ``run.json`` in step with what happens. Also a listener that keeps ``progress.json``.

    States of the run: running, done, failed, interrupted. States of a stage: pending, running, done, cached, failed,
    interrupted. A run that is "running" although its process is gone was killed.
    """

    def __init__(self, directory: Path, *, run: str, recipe: Path, stages: dict[str, str]) -> None:
        """`stages`: what each stage does, by name, in order."""
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "run.json"
        self._progress_path = directory / "progress.json"
        self._progress_written = 0.0
        self._pace = Pace()
        previous = read_json(self._path) or {}
        self._previous: dict[str, Any] = previous.get("stages", {})
        self.content: dict[str, Any] = {
            "run": run,
            "recipe": str(recipe),
            "state": "running",
            "pid": os.getpid(),
            "started": now(),
            "finished": None,
            "stages": {name: {"do": do, "state": "pending"} for name, do in stages.items()},
        }
        self._progress_path.unlink(missing_ok=True)
        self.write()

    def write(self) -> None:
        replace_json(self._path, self.content)

    def update(self, stage: str, **changes: Any) -> None:
        """Change what is said of one stage."""
        self.content["stages"][stage].update(changes)
        self._progress_path.unlink(missing_ok=True)
        self.write()

    def was_begun(self, stage: str, artifact: str) -> bool:
        """Whether the run before this one began to make this artifact and did not finish it."""
        earlier = self._previous.get(stage, {})
        begun = earlier.get("state") in ("running", "failed", "interrupted")
        return begun and earlier.get("artifact") == artifact

    def end(self, state: str) -> None:
        """The run is over."""
        self.content.update(state=state, finished=now())
        self._progress_path.unlink(missing_ok=True)
        self.write()

    def on_event(self, event: dict[str, Any]) -> None:
        """Events go to the event log."""

    def on_progress(self, task: Task) -> None:
        rate = self._pace.rate(task)
        if task.finished:
            self._progress_path.unlink(missing_ok=True)
            return
        if time.monotonic() - self._progress_written < PROGRESS_SECONDS:
            return
        self._progress_written = time.monotonic()
        replace_json(
            self._progress_path,
            {
                "time": now(),
                "description": task.description,
                "completed": task.completed,
                "total": task.total,
                "unit": task.unit,
                "rate": rate,
                "seconds_left": seconds_left(task.completed, task.total, rate),
                "note": task.note,
            },
        )
