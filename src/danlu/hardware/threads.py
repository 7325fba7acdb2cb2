"""How threads wait for each other, and which of them goes first."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def let_waiting_threads_sleep() -> None:
    """Tell OpenMP that a thread with nothing to do shall sleep instead of spinning. A choice the user has made stays.

    For servers, which share the machine: llama.cpp meets its threads at a barrier hundreds of times a token, and a
    spinning thread holds a core until its time slice ends whenever another process wants one. Not for training, which
    has the machine to itself and trained 400 to 490 tokens/s spinning and 240 to 260 asleep (docs/LOG.md). OpenMP
    reads this when it is loaded, so call it before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def let_others_go_first() -> None:
    """Give the calling thread the lowest priority, for work in the background of a computation that uses every core.

    Linux has a niceness for each thread; elsewhere it would be the whole process's, and nothing is done. It cannot be
    taken back without the right to.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


class Workers:
    """A pool with one worker per core, each of which computes on its own core alone. Use `workers_of_one_thread`."""

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self.count = count
        self._pool = pool

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order of the items, computed side by side, each in a copy of the caller's context.

        Settings of torch's compiler are context variables, which a thread would else begin without. Work begins when
        the first result is asked for. One result for each worker may wait to be taken, so that they never pile up.
        """
        under_way: deque[Future[Result]] = deque()
        try:
            for item in items:
                if len(under_way) == 2 * self.count:
                    yield under_way.popleft().result()
                under_way.append(self._pool.submit(copy_context().run, function, item))
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


@contextmanager
def workers_of_one_thread() -> Iterator[Workers]:
    """Workers for many small independent computations.

    Split over threads, each operation of such a computation would end in a barrier, and every barrier waits for the
    slower core. Workers wait for nothing. With a GPU there is one.
    """
    import torch

    before = torch.get_num_threads()
    count = 1 if torch.cuda.is_available() else before
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            # All at once, not as work comes: threads that start one right after the other take their memory from
            # different arenas of glibc's, of which there is one for each core (danlu/telemetry/allocator.py).
            all_started = threading.Barrier(count)
            list(pool.map(lambda _: all_started.wait(), range(count)))
            yield Workers(pool, count)
    finally:
        torch.set_num_threads(before)
