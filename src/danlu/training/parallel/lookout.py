"""Ranks that something else has started watch each other: each its neighbour, so that one that is frozen is named."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from danlu.training.parallel.notes import BEAT_SECONDS, SILENT_SECONDS, read_beats

GONE_STATUS = 70
"""With which a rank leaves whose neighbour is silent, so that whoever started them starts all again."""


class Lookout:
    """A thread that looks at the beats of the next rank. A context.

    Args:
        folder: Where beats are written.
        rank: This one.
        size: How many there are.
        attempt: See `danlu.training.parallel.notes.Beat`.
    """

    def __init__(self, folder: Path, rank: int, size: int, attempt: int) -> None:
        self._folder, self._attempt = folder, attempt
        self._neighbour = (rank + 1) % size
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)

    def __enter__(self) -> Lookout:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(2 * BEAT_SECONDS):
            beat = read_beats(self._folder, self._attempt).get(self._neighbour)
            silent = time.time() - beat.at if beat else 0.0
            if beat and silent > SILENT_SECONDS:
                print(
                    f"danlu: {beat.where}, {beat.doing}, has not been heard of for {silent:.0f} s.\n{beat.stack}",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(GONE_STATUS)
