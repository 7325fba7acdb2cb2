"""What can go wrong with a source, told apart so that an alternative is tried only when that makes sense."""

from __future__ import annotations

from danlu.errors import UserError

OTHER_WAYS = (
    "Check the network and the proxy settings, name another source, or download it by hand and give it as file:PATH."
)


class SourceUnavailableError(UserError):
    """A source that cannot be had from where its URI says: no connection, not found there, or a tool is missing.

    The URI itself may well be right, so the next alternative is tried. A mistake in the URI or a wrong hash is a plain
    `UserError`, and is never passed over in favour of an alternative.
    """


class MemberMissingError(UserError):
    """The archive or repository was reached, but does not hold the path asked for."""


class DiskFullError(UserError):
    """There is no room for what was to be written."""


def first_line(error: BaseException | str, limit: int = 300) -> str:
    """What an error says, in one line of at most `limit` characters; its class where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
