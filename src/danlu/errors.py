"""The two ways things go wrong: a user's mistake, which we explain, and a fault, which we do not hide."""

from __future__ import annotations


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


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint naming the closest known word, or all of them when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return "Known: " + ", ".join(sorted(known)) + "."
