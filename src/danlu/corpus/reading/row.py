"""What rows are, whatever file they stand in."""

from __future__ import annotations

TOO_LONG = "it is longer than 64 MiB"


class Unreadable:
    """Stands for a row that could not be parsed, so that the rows behind it keep their numbers.

    Args:
        reason: Rows with the same reason are counted together.
        text: As it stands there, or as much of it as there is.
    """

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text
