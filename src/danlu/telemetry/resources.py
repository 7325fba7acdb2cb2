"""What a piece of work took: wall-clock seconds and peak resident memory of this process."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import psutil

from danlu.telemetry.allocator import release_memory

SAMPLE_SECONDS = 0.02


class Measured:
    """Context manager that measures its body.

    Memory is sampled from a thread: a portable way to a peak *per stage* within one process, where the operating system
    only keeps the peak of the whole process. Freed memory is handed back to the system first, so that a stage is not
    charged for what an earlier one left in the allocator.

    Attributes:
        seconds: Wall-clock time of the body.
        peak_memory_bytes: Highest resident set size seen.
    """

    seconds: float = 0.0
    peak_memory_bytes: int = 0

    def __enter__(self) -> Measured:
        release_memory()
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._started = time.perf_counter()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            self.peak_memory_bytes = max(self.peak_memory_bytes, self._process.memory_info().rss)
            if self._stop.wait(SAMPLE_SECONDS):
                return
