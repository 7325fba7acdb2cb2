"""A sink that is served by a thread of its own, so that a slow disk or server never holds up a step."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from functools import partial

from danlu.telemetry.reporter import Reporter
from danlu.telemetry.sinks.sink import Sink

MOST_WAITING = 10_000
"""Records that may wait to be taken; further ones are left out, which is said."""
CLOSING_SECONDS = 30.0
"""How long the end of a run waits for a sink."""


class Background:
    """Hands records on to `sink`. If that fails, it is said once, and nothing more is handed to it.

    Args:
        name: Of the sink, for what is said.
        sink: Is used by the thread alone.
        reporter: Told.
        prepare: Called by the thread before anything else, to give it a low priority for one.
    """

    def __init__(self, name: str, sink: Sink, reporter: Reporter, prepare: Callable[[], None] = lambda: None) -> None:
        self._name = name
        self._sink = sink
        self._reporter = reporter
        self._prepare = prepare
        self._records: queue.Queue[tuple[int, Mapping[str, float]] | None] = queue.Queue(MOST_WAITING)
        self._num_lost = 0
        self._failed = False
        self._thread = threading.Thread(target=self._serve, name=f"sink {name}", daemon=True)
        self._thread.start()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        try:
            self._records.put_nowait((step, dict(values)))
        except queue.Full:
            self._num_lost += 1

    def close(self, *, failed: bool = False) -> None:
        """Wait for what is under way, but not for ever."""
        self._failed = failed
        try:
            self._records.put(None, timeout=CLOSING_SECONDS)
        except queue.Full:
            self._num_lost += self._records.qsize()
        self._thread.join(CLOSING_SECONDS)
        if self._thread.is_alive():
            self._reporter.warn(f"{self._name} did not take everything within {CLOSING_SECONDS:.0f} s; it is left.")
        if self._num_lost:
            self._reporter.warn(f"{self._name} was too slow: {self._num_lost} records were left out there.")

    def _serve(self) -> None:
        self._prepare()
        is_working = True
        while (record := self._records.get()) is not None:
            if is_working:
                is_working = self._tried(partial(self._sink.write, *record))
        self._tried(partial(self._sink.close, failed=self._failed))

    def _tried(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except Exception as error:  # whatever a library raises, training goes on
            self._reporter.warn(f"{self._name} takes no more metrics: {type(error).__name__}: {error}")
            return False
        return True
