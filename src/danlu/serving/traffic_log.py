"""One log line for each request: route, status and time; never what was asked or answered, nor a made-up path."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("danlu.serving")


class TrafficLog:
    """ASGI middleware that logs requests when they end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status: Any = "hung up"

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "(unknown)")
            logger.info("%s %s %s %.2fs", scope["method"], path, status, time.perf_counter() - started)


def log_fault(error: BaseException) -> None:
    """Where a fault happened, without the values: an exception's message may quote the request."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    logger.error("%s at\n  %s", type(error).__name__, "\n  ".join(frames))
