"""A run that is broken on purpose or healthy, and what disturbs some of them while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SLEEP_SECONDS = 0.06
LEAKED_BYTES = 3 * 2**20
STALLED_STEPS, STALLED_SECONDS = 8, 0.5


@dataclass(frozen=True)
class Case:
    """One run."""

    name: str
    expected: str | None
    """Key of the ailment; None for a healthy run."""
    recipe: str
    """Its file, without the ending."""
    what: str
    """What is special about it."""
    overrides: tuple[str, ...] = ()
    disturbance: str | None = None
    """Key of `DISTURBANCES`."""
    data: Callable[[Path, Path], str] | None = None
    """Writes the data, given a directory and the cache; returns the override that names it."""
    killed_after: int | None = None
    """Steps after which it is killed once and run again."""
    made_up: Callable[[Path], None] | None = None
    """Adds what cannot be produced on this machine to its metrics file."""


@contextmanager
def slow_source() -> Iterator[None]:
    """Every batch comes late."""
    with _around_batches(lambda step: time.sleep(SLEEP_SECONDS)):
        yield


@contextmanager
def stalling_source() -> Iterator[None]:
    """Every eighth batch comes very late, as with a disk that falls asleep."""
    with _around_batches(lambda step: time.sleep(STALLED_SECONDS if step % STALLED_STEPS == 0 else 0.0)):
        yield


@contextmanager
def leak() -> Iterator[None]:
    """Something keeps a few MiB of every step."""
    kept: list[Any] = []
    with _around_batches(lambda step: kept.append(np.ones(LEAKED_BYTES, np.uint8))):
        yield


@contextmanager
def _around_batches(disturb: Callable[[int], None]) -> Iterator[None]:
    from danlu.training.batches import BatchStream

    at = BatchStream.at

    def disturbed(self: BatchStream, step: int) -> Any:
        disturb(step)
        return at(self, step)

    BatchStream.at = disturbed  # type: ignore[method-assign]
    try:
        yield
    finally:
        BatchStream.at = at  # type: ignore[method-assign]


DISTURBANCES = {"slow source": slow_source, "stalling source": stalling_source, "leak": leak}
