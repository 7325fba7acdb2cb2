"""Parts worked on by several processes, none of which knows of the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, Protocol, TypeVar

SMALL_BYTES = 2**23
"""Less than this is done before a second process has started."""


class Task(Protocol):
    """What is to be done."""

    @property
    def num_bytes(self) -> int:
        """By which it is told how long it will take."""
        ...


AnyTask = TypeVar("AnyTask", bound=Task)


def worked_on(tasks: Sequence[AnyTask], num_processes: int, do: Callable[[Any], None]) -> Iterator[AnyTask]:
    """Have all tasks done; each is given back when it is, in any order. Closed early, those begun are finished.

    Args:
        tasks: What is to be done.
        num_processes: As many as work at the same time, at most.
        do: Does one of them, in any process.
    """
    if num_processes == 1 or len(tasks) < 2 or sum(task.num_bytes for task in tasks) < SMALL_BYTES:
        for task in tasks:
            do(task)
            yield task
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["danlu.corpus.working.work"])
    waiting = iter(tasks)
    with ProcessPoolExecutor(min(num_processes, len(tasks)), mp_context=context) as pool:
        running: dict[Future[None], AnyTask] = {}
        for task in waiting:
            running[pool.submit(do, task)] = task
            if len(running) > num_processes:  # one more than there are processes, so that none waits
                yield from _finished(running)
        while running:
            yield from _finished(running)


def _finished(running: dict[Future[None], AnyTask]) -> list[AnyTask]:
    """Wait for one at least."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return [running.pop(future) for future in done]
