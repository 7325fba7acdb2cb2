"""Parts worked on by several processes, none of which knows of the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from danlu.artifacts.stage import StageContext

SMALL_BYTES = 2**23
"""Less than this is done before a second process has started."""


class Task(Protocol):
    """What is to be done."""

    @property
    def num_bytes(self) -> int:
        """By which it is told how long it will take."""
        ...


AnyTask = TypeVar("AnyTask", bound=Task)


def have_done(
    context: StageContext, finished: Iterator[AnyTask], doing: str, num_bytes: int, num_bytes_before: int = 0
) -> None:
    """Have tasks done, with progress, up to a signal to stop.

    Args:
        context: Of the stage.
        finished: Does tasks as it is asked for the next, and gives those that are done.
        doing: What is done, for people.
        num_bytes: Of all of them.
        num_bytes_before: Of these, what had been done before.

    Raises:
        Stopped: by a signal; what is done is kept.
    """
    with context.stop.put_off(), context.reporter.progress(doing, num_bytes, "bytes") as progress:
        progress.advance(num_bytes_before)
        for task in finished:
            progress.advance(task.num_bytes)
            if context.stop.requested:
                context.stop.now(f"{context.name}: what was done is kept")


def worked_on(tasks: Sequence[AnyTask], num_processes: int, do: Callable[[Any], None]) -> Iterator[AnyTask]:
    """Have all tasks done; each is given back when it is, in any order. Closed early, those begun are finished.

    This process does its share, from the last on, while others start and take the first.

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
    with ProcessPoolExecutor(min(num_processes, len(tasks)) - 1, mp_context=context) as pool:
        finished: SimpleQueue[Future[None]] = SimpleQueue()
        theirs = {pool.submit(do, task): task for task in tasks}
        for future in theirs:
            future.add_done_callback(finished.put)
        try:
            for future, task in reversed(theirs.copy().items()):
                if future.cancel():
                    do(theirs.pop(future))
                    yield task
                while not finished.empty():
                    yield from _done(finished.get(), theirs)
            while theirs:
                yield from _done(finished.get(), theirs)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _done(future: Future[None], theirs: dict[Future[None], AnyTask]) -> list[AnyTask]:
    """The task that another process has done; none if this one took it over."""
    if future not in theirs:
        return []
    future.result()
    return [theirs.pop(future)]
