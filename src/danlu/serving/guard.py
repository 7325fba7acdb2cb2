"""Who may speak to the server: keys, and protection of a loopback server from web pages.

A page of any web site can make the user's browser send requests to 127.0.0.1. Two headers that scripts cannot forge
give them away: ``Host`` names the attacker's own domain where it was rebound to 127.0.0.1, ``Origin`` names the page.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from danlu.serving.errors import ApiError

CLOSED = "/v1"
"""What a key is needed for; the page and the health check are open."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address without a port means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name or address in a ``Host`` header, without the port; empty if it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Guard:
    """ASGI middleware that turns strangers away before a request is read.

    Args:
        app: What it guards.
        api_keys: Any of them opens ``/v1``. Empty: no key is asked for.
        loopback_only: Refuse requests whose ``Host`` is not this machine, or that come from another site's page.
    """

    def __init__(self, app: ASGIApp, *, api_keys: frozenset[str], loopback_only: bool) -> None:
        self._app = app
        self._api_keys = [key.encode() for key in api_keys]
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = self._objection(scope["path"], Headers(scope=scope))
        if error is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse(error.body(), error.status, headers=error.headers)(scope, receive, send)

    def _objection(self, path: str, headers: Headers) -> ApiError | None:
        if self._loopback_only:
            host = headers.get("host", "")
            if not is_loopback(_name(host)):
                return ApiError(403, "This server only answers to localhost.", code="host_not_allowed")
            origin = headers.get("origin")
            if origin is not None and origin.removeprefix("http://") != host:
                return ApiError(403, "Pages of other sites may not use this server.", code="origin_not_allowed")
        if self._api_keys and path.startswith(CLOSED) and not self._has_key(headers.get("authorization", "")):
            return ApiError(
                401,
                "A valid API key is needed: Authorization: Bearer KEY.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None

    def _has_key(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        given = key.strip().encode()
        # All keys are compared, so that the time taken says nothing about which one came close.
        matches = [hmac.compare_digest(given, known) for known in self._api_keys]
        return scheme.lower() == "bearer" and any(matches)
