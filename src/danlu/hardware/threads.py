"""How the threads of a computation wait for each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


def let_waiting_threads_sleep() -> None:
    """Tell OpenMP that a thread with nothing to do shall sleep instead of spinning. A choice the user has made stays.

    For servers, which share the machine: llama.cpp meets its threads at a barrier hundreds of times a token, and a
    spinning thread holds a core until its time slice ends whenever another process wants one. Not for training, which
    has the machine to itself and trained 400 to 490 tokens/s spinning and 240 to 260 asleep (docs/LOG.md). OpenMP
    reads this when it is loaded, so call it before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@contextmanager
def workers_of_one_thread() -> Iterator[ThreadPoolExecutor]:
    """A pool with one worker per core, each of which computes on its own core alone.

    For many small independent computations: split over threads, each of their operations would end in a barrier, and
    every barrier waits for the slower core. Within the pool nothing waits. With a GPU there is one worker.
    """
    import torch

    before = torch.get_num_threads()
    num_workers = 1 if torch.cuda.is_available() else before
    try:
        with ThreadPoolExecutor(num_workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
