"""Ctrl-C and SIGTERM while a recipe is run."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from danlu.artifacts.stop import Stop

SHOW_CURSOR = b"\x1b[?25h\n"
"""To a terminal on which a progress bar has hidden it."""


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """The first SIGINT or SIGTERM asks to stop: training finishes its step and saves a checkpoint, everything else
    stops at once and leaves nothing half made. The second ends the process without another word.

    A program that handles a signal itself keeps its handler, and Python allows handlers in the main thread only: there,
    and so in notebooks, they are put in place for as long as the run lasts; in other threads the run is not asked.
    """
    stop = Stop()

    def handle(signal_number: int, frame: FrameType | None) -> None:
        if stop.requested:
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), SHOW_CURSOR)
            os._exit(128 + signal_number)
        stop.request(signal_number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if in_main_thread}
    ours = [number for number, handler in before.items() if handler in (signal.default_int_handler, signal.SIG_DFL)]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number in ours:
            signal.signal(number, before[number])
