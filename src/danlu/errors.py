"""The two ways things go wrong: a user's mistake, which we explain, and a fault, which we do not hide.

Being stopped is neither.
"""

from __future__ import annotations

import signal


class UserError(Exception):
    """Something the user can mend. Shown as two lines, never as a traceback; the command exits with 2.

    Args:
        what: One line saying what is wrong, with the offending value in it.
        hint: One line saying what to do about it.
    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}"

    def __reduce__(self) -> tuple[type[UserError], tuple[str, ...]]:
        return type(self), (self.what, self.hint)


class Stopped(BaseException):
    """The run was asked to stop by a signal, and did, leaving nothing half made. No `Exception`: nothing is wrong.

    Args:
        signal_number: Of the signal.
        how_far: What is kept, as the rest of a sentence.
    """

    def __init__(self, signal_number: int, how_far: str = "what was finished is kept") -> None:
        by = "Ctrl-C" if signal_number == signal.SIGINT else signal.Signals(signal_number).name
        self.how_far = how_far
        self.what = f"Stopped by {by}; {how_far}."
        super().__init__(self.what)
        self.status = 128 + signal_number
        """The exit status that shells give for this signal."""


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint naming the closest known word, or all of them when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return "Known: " + ", ".join(sorted(known)) + "."
