"""Parts worked on by several processes, none of which knows of the others."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, TypeAlias, TypeVar

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
Doing: TypeAlias = Generator[AnyTask, None, None]
"""Does tasks as it is asked for the next, and gives those that are done. Closed, it does no more."""


def have_done(
    context: StageContext, finished: Doing[AnyTask], doing: str, num_bytes: int, num_bytes_before: int = 0
) -> None:
    """Have tasks done, with progress, up to a signal to stop.

    Args:
        context: Of the stage.
        finished: Has them done.
        doing: What is done, for people.
        num_bytes: Of all of them.
        num_bytes_before: Of these, what had been done before.

    Raises:
        Stopped: by a signal; what is done is kept.
    """
    with (
        closing(finished),  # when it is stopped, too: an error that somebody keeps would keep processes at work
        context.stop.put_off(),
        context.reporter.progress(doing, num_bytes, "bytes") as progress,
    ):
        progress.advance(num_bytes_before)
        for task in finished:
            progress.advance(task.num_bytes)
            if context.stop.requested:
                context.stop.now(f"{context.name}: what was done is kept")


def worked_on(tasks: Sequence[AnyTask], num_processes: int, do: Callable[[Any], None], scratch: Path) -> Doing[AnyTask]:
    """Have all tasks done; each is given back when it is, in any order. Closed early, those begun are finished.

    This process does its share, from the last on, while others start and take the first.

    Args:
        tasks: What is to be done.
        num_processes: As many as work at the same time, at most.
        do: Does one of them, in any process.
        scratch: Where files may be put meanwhile.
    """
    if num_processes == 1 or len(tasks) < 2 or sum(task.num_bytes for task in tasks) < SMALL_BYTES:
        for task in tasks:
            do(task)
            yield task
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["danlu.corpus.working.work"])
    finished: SimpleQueue[Future[bool]] = SimpleQueue()
    with (
        ProcessPoolExecutor(min(num_processes, len(tasks)) - 1, mp_context=context) as pool,
        _claims(scratch) as claim_of,
    ):
        theirs = {}
        for number, task in enumerate(tasks):
            future = pool.submit(_do_unless_begun, do, task, claim_of(number))
            theirs[future] = task
            future.add_done_callback(finished.put)
        for number, task in reversed([*enumerate(tasks)]):
            if not _do_unless_begun(do, task, claim_of(number)):
                break
            yield task
            while not finished.empty():
                yield from _done(finished.get(), theirs)
        while theirs:
            yield from _done(finished.get(), theirs)


@contextmanager
def _claims(scratch: Path) -> Iterator[Callable[[int], Path]]:
    """By the number of a task, the file that whoever begins it makes first. A process that is killed holds no lock that
    others wait for. Afterwards nothing is begun any more."""
    directory = Path(tempfile.mkdtemp(prefix="claims-", dir=scratch))
    try:
        yield lambda number: directory / str(number)
    finally:
        over = directory.rename(directory.with_name(f"{directory.name}-over"))  # so that no claim comes in between
        shutil.rmtree(over, ignore_errors=True)


def _do_unless_begun(do: Callable[[Any], None], task: Any, claim: Path) -> bool:
    """Whether this process did it."""
    try:
        claim.touch(exist_ok=False)
    except (FileExistsError, FileNotFoundError):
        return False
    do(task)
    return True


def _done(future: Future[bool], theirs: dict[Future[bool], AnyTask]) -> list[AnyTask]:
    """The task that another process has done; none if this one did."""
    task = theirs.pop(future)
    return [task] if future.result() else []
