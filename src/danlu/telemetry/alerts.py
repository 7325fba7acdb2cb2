"""Telling somebody of a metric beyond a threshold, a loss that runs away, silence, or an end with an error.

A thread of its own sends, so no step waits for a server. Addresses may hold secrets and are never shown.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from danlu.errors import Stopped, UserError
from danlu.telemetry.reporter import Reporter
from danlu.telemetry.sinks.sink import library

CHECK_SECONDS = 0.5
"""How often the thread looks whether steps still come."""
CLOSING_SECONDS = 30.0
"""How long the end of a run waits for messages to be sent."""
SMOOTHING = 0.95
"""Share of the mean loss that each step keeps, when it is looked at for running away."""
WARMUP_STEPS = 20
"""Before so many the mean is not looked at."""

Send = Callable[[str, str], bool]
"""Sends a title and a text; says whether it arrived everywhere."""


@dataclass(frozen=True)
class Threshold:
    """What a metric should not go beyond."""

    metric: str
    above: float | None
    below: float | None

    def crossed(self, value: float) -> str | None:
        """In words; None if it is not."""
        if self.above is not None and value > self.above:
            return f"{self.metric} is {value:.6g}, above {self.above:g}"
        if self.below is not None and value < self.below:
            return f"{self.metric} is {value:.6g}, below {self.below:g}"
        return None


class Divergence:
    """Sees a mean loss run away from the lowest it was.

    Args:
        margin: In nats per token.
    """

    def __init__(self, margin: float) -> None:
        self._margin = margin
        self._sum, self._weight, self._count = 0.0, 0.0, 0
        self._lowest = float("inf")

    def crossed(self, loss: float) -> str | None:
        """Given the loss of the next step: in words, or None."""
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * loss
        self._weight = SMOOTHING * self._weight + 1 - SMOOTHING
        self._count += 1
        mean = self._sum / self._weight
        if self._count < WARMUP_STEPS:
            return None
        self._lowest = min(self._lowest, mean)
        if mean <= self._lowest + self._margin:
            return None
        return f"the mean loss is {mean:.4g}, and was {self._lowest:.4g}: training runs away"


class Alerts:
    """A sink that watches over metrics, and a context that tells of an end with an error.

    The same alert is sent at most once in a while; how often it came up in between is said with the next.

    Args:
        title: What is watched.
        thresholds: Looked at whenever their metric comes.
        divergence: Looks at ``train/loss``; None for nobody.
        silence_seconds: After so long without a record, the run has gone silent; None: never.
        pause_seconds: Between two of the same kind.
        send: Sends them.
        reporter: Is told what was sent.
        clock: In seconds.
    """

    def __init__(
        self,
        title: str,
        thresholds: Sequence[Threshold],
        divergence: Divergence | None,
        silence_seconds: float | None,
        pause_seconds: float,
        send: Send,
        reporter: Reporter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._thresholds = thresholds
        self._divergence = divergence
        self._silence_seconds = silence_seconds
        self._pause_seconds = pause_seconds
        self._send = send
        self._reporter = reporter
        self._clock = clock
        self._told: dict[str, float] = {}
        """When each kind was last sent."""
        self._untold: dict[str, int] = {}
        """How often each kind came up since."""
        self._messages: list[str] = []
        self._lock = threading.Condition()
        self._is_closing = False
        self._last_step, self._last_record, self._is_silent = 0, clock(), False
        self._thread = threading.Thread(target=self._serve, name="alerts", daemon=True)
        self._thread.start()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Look at the numbers of one step."""
        with self._lock:
            self._last_step, self._last_record = step, self._clock()
            if self._is_silent:
                self._is_silent = False
                self._tell("silence", "steps come again")
            for threshold in self._thresholds:
                if threshold.metric in values and (words := threshold.crossed(values[threshold.metric])):
                    self._tell(str(threshold), words)
            loss = values.get("train/loss")
            if self._divergence and loss is not None and (words := self._divergence.crossed(loss)):
                self._tell("divergence", words)

    def check_silence(self) -> None:
        """Tell it, once, when no record has come for too long."""
        with self._lock:
            seconds = self._clock() - self._last_record
            if self._silence_seconds is not None and not self._is_silent and seconds > self._silence_seconds:
                self._is_silent = True
                self._tell("silence", f"no step for {seconds:.0f} s", always=True)

    def close(self, *, failed: bool = False) -> None:
        """Send what waits to be sent."""
        with self._lock:
            self._is_closing = True
            self._lock.notify()
        self._thread.join(CLOSING_SECONDS)

    def __enter__(self) -> Alerts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Stopped | KeyboardInterrupt):
            what = error.what if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            with self._lock:
                self._tell("end", f"it ended with an error. {what}", always=True)
        self.close()

    def _tell(self, kind: str, words: str, *, always: bool = False) -> None:
        """Send it unless the same was sent just now. Holds the lock."""
        now = self._clock()
        if not always and now - self._told.get(kind, float("-inf")) < self._pause_seconds:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            return
        self._told[kind] = now
        before = self._untold.pop(kind, 0)
        more = f" ({before} more since the last such message)" if before else ""
        self._messages.append(f"Step {self._last_step}: {words}{more}.")
        self._lock.notify()

    def _serve(self) -> None:
        while True:
            self.check_silence()
            with self._lock:
                if not self._messages and not self._is_closing:
                    self._lock.wait(CHECK_SECONDS)
                messages, self._messages = self._messages, []
                is_closing = self._is_closing
            for message in messages:
                arrived = self._send(self._title, message)
                self._reporter.event("alert", message=message, arrived=arrived)
                if not arrived:
                    self._reporter.warn(f"An alert did not arrive everywhere: {message}")
            if is_closing and not messages:
                return


class AppriseSender:
    """Sends through Apprise, which knows some hundred services by their addresses.

    Args:
        addresses: For example ``json://127.0.0.1:8000``.

    Raises:
        UserError: Apprise is not installed, or does not know one of them.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        with library("alerts", "alerts"):
            import apprise

        # What it logs of a failure may hold parts of addresses.
        logger = logging.getLogger("apprise")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        self._apprise = apprise.Apprise()
        for number, address in enumerate(addresses, start=1):
            if not self._apprise.add(address):
                scheme = address.partition("://")[0] if "://" in address else "no scheme"
                raise UserError(
                    f"alerts.to: address {number} ({scheme}) is none that Apprise understands.",
                    "Look it up at https://appriseit.com; for a test there is json://127.0.0.1:PORT.",
                )

    def __call__(self, title: str, message: str) -> bool:
        try:
            return bool(self._apprise.notify(title=title, body=message))
        except Exception:  # it may hold parts of addresses; that it failed is said
            return False
