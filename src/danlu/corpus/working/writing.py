"""Writing by a thread while the next batch is made ready: packing Parquet takes most of the time of joining parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

MOST_WAITING = 16
"""Batches that are held until they are written."""


class Write(Protocol):
    """Has something written, in order; an error may come with a later call, or at the end."""

    def __call__(self, do: Callable[..., None], *arguments: Any) -> None: ...


@contextmanager
def writing(*, behind: bool) -> Iterator[Write]:
    """
    Args:
        behind: Whether a thread does it, where more than one processor may be used.
    """
    if not behind:
        yield lambda do, *arguments: do(*arguments)
        return
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1) as thread:

        def write(do: Callable[..., None], *arguments: Any) -> None:
            waiting.append(thread.submit(do, *arguments))
            if len(waiting) > MOST_WAITING:
                waiting.popleft().result()

        yield write
        for future in waiting:
            future.result()
