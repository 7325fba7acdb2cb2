"""From an engine's thread to the event loop: pieces come as an asynchronous iterator that can be left at any time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress

from danlu.serving.engines.engine import Engine, Finish, Piece, Sampling


@asynccontextmanager
async def generating(
    engine: Engine, executor: Executor, prompt: Sequence[int], sampling: Sampling
) -> AsyncIterator[AsyncIterator[Piece | Finish]]:
    """Run the engine in a thread while the body reads its pieces; the last item is the `Finish`.

    Leaving the body early, also by cancellation, stops the engine, and the body is only left once it has stopped: its
    place is free then.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[Piece | Finish | BaseException] = asyncio.Queue()
    left = threading.Event()

    def emit(piece: Piece) -> bool:
        if piece.text or piece.logprobs:
            loop.call_soon_threadsafe(items.put_nowait, piece)
        return not left.is_set()

    def work() -> None:
        last: Finish | BaseException
        try:
            last = engine.generate(prompt, sampling, emit)
        except BaseException as error:
            last = error
        loop.call_soon_threadsafe(items.put_nowait, last)

    async def read() -> AsyncIterator[Piece | Finish]:
        while True:
            item = await items.get()
            if isinstance(item, BaseException):
                raise item
            yield item
            if isinstance(item, Finish):
                return

    running = loop.run_in_executor(executor, work)
    try:
        yield read()
    finally:
        left.set()
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(running)
