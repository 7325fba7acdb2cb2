"""What a piece of work took: wall-clock seconds and peak resident memory of this process."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from types import TracebackType

import psutil

from danlu.telemetry.allocator import release_memory

SAMPLE_SECONDS = 0.02
OTHERS_SECONDS = 0.5
"""Between two looks at other processes, at least."""
OTHERS_SHARE = 0.005
"""Of a core that these looks may take: the system goes through all pages of each process, which it keeps waiting."""
BEGINNING_SECONDS = 0.2
"""So long a process that was started is not counted: until it runs its own program, it is seen with all that this one
holds."""
PEAK_STEP = 1.02
"""A peak that is higher by so much than at the last look is worth another: by less at most it is said too high."""


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
        others_bytes, next_look, peak_when_looked = 0, 0.0, 0
        while True:
            its_bytes = self._process.memory_info().rss
            is_higher = its_bytes + others_bytes > PEAK_STEP * peak_when_looked
            if is_higher or time.monotonic() >= next_look:  # what others had a second ago may be gone by now
                began = time.thread_time()
                others_bytes = _bytes_of_others(self._process)
                used = time.thread_time() - began
                next_look = time.monotonic() + max(OTHERS_SECONDS, used / OTHERS_SHARE)
                peak_when_looked = max(self.peak_memory_bytes, its_bytes + others_bytes)
            self.peak_memory_bytes = max(self.peak_memory_bytes, its_bytes + others_bytes)
            if self._stop.wait(SAMPLE_SECONDS):
                return


def _bytes_of_others(process: psutil.Process) -> int:
    """Of the processes that it has started; what several of them share is counted once, where the system says it."""
    total = 0
    with suppress(psutil.Error):
        for child in process.children(recursive=True):
            with suppress(psutil.Error):
                if _age_seconds(child) > BEGINNING_SECONDS:
                    total += child.memory_full_info().pss if sys.platform == "linux" else child.memory_info().rss
    return total


def _age_seconds(process: psutil.Process) -> float:
    """Since it was started."""
    started: float = process.create_time()
    if sys.platform == "linux":  # counts from the boot, whose time of day is known to the second only
        return time.clock_gettime(time.CLOCK_BOOTTIME) - (started - float(psutil.boot_time()))
    return time.time() - started
