"""First come, first served, and a full waiting room is said so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from danlu.serving.errors import ApiError

MAX_WAITING = 32
RETRY_SECONDS = 5


class Admission:
    """Lets so many requests generate at once and a bounded number wait, in order of arrival.

    Args:
        places: Requests that may generate at once.
        max_waiting: Further requests that may wait.
    """

    def __init__(self, places: int, max_waiting: int = MAX_WAITING) -> None:
        self._places = asyncio.Semaphore(places)  # asyncio wakes waiters in the order they came
        self._capacity = places + max_waiting
        self._inside = 0

    def check(self) -> None:
        """Turn a request away that would find no room.

        Raises:
            ApiError: 429 with Retry-After.
        """
        if self._inside >= self._capacity:
            raise ApiError(
                429,
                "The server is busy and its queue is full; try again later.",
                code="queue_full",
                kind="rate_limit_error",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it.

        Raises:
            ApiError: as `check`.
        """
        self.check()
        self._inside += 1
        try:
            async with self._places:
                yield
        finally:
            self._inside -= 1
