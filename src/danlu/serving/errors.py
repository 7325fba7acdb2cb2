"""What a client is told when something cannot be done, in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An answer of 4xx or 5xx.

    Args:
        status: HTTP status.
        message: For the client's eyes: what is wrong, with the offending value where that is safe.
        param: The field of the request that is to blame, for example ``messages[0].content``.
        code: A word for programs, for example ``context_length_exceeded``.
        kind: OpenAI's ``type``.
        headers: Extra response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """``{"error": {"message", "type", "param", "code"}}``"""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def server_fault() -> ApiError:
    """What a client is told of a fault: nothing of its inside."""
    return ApiError(500, "The server failed on this request; its log has the reason.", kind="server_error")
