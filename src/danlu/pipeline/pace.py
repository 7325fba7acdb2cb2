"""How fast work in hand goes on."""

from __future__ import annotations

import time

from danlu.telemetry.reporter import Task

SETTLE_SECONDS = 0.5
"""A stage that goes on from a checkpoint first reports what was done before; that is not speed."""


class Pace:
    """Rates of tasks, in units a second since they began."""

    def __init__(self) -> None:
        self._starts: dict[int, tuple[float, float]] = {}

    def rate(self, task: Task) -> float:
        """To be called on every change of `task`. 0 while it is not known."""
        now = time.monotonic()
        if task.finished:
            self._starts.pop(id(task), None)
            return 0.0
        if id(task) not in self._starts or now - task.started < SETTLE_SECONDS:
            self._starts[id(task)] = (now, task.completed)
            return 0.0
        began, completed = self._starts[id(task)]
        return (task.completed - completed) / (now - began) if now > began else 0.0


def seconds_left(completed: float, total: float | None, rate: float) -> float | None:
    """Time until `total` is reached, or None where that cannot be said."""
    return (total - completed) / rate if total and rate and completed < total else None
