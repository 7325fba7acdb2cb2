"""How conversations are written in rows: one file per format, and the table of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from danlu.corpus.conversations.conversation import Conversation
from danlu.corpus.conversations.formats import alpaca, kto, messages, preference, prompt_completion, sharegpt


@dataclass(frozen=True)
class Format:
    """One way to write a conversation in a row."""

    keys: str
    """The columns it reads, as messages name them."""
    columns: frozenset[str]
    """All columns it may read; others are not used."""
    matches: Callable[[dict[str, Any]], bool]
    """Whether a row looks like it, judged by its keys."""
    read: Callable[[dict[str, Any]], Conversation]
    """The conversation, not yet checked.

    Raises:
        BadRowError: the row is not in this format.
    """


FORMATS = {
    module.__name__.rpartition(".")[2]: Format(module.KEYS, module.COLUMNS, module.matches, module.read)
    for module in (preference, kto, messages, sharegpt, alpaca, prompt_completion)
}
"""In the order in which ``auto`` tries them: what has pairs or labels is something else without them."""

ROWS_TO_JUDGE_BY = 100


def detect(rows: list[dict[str, Any]]) -> str | None:
    """Name of the format that most of the first rows look like, or None if none does."""
    sample = rows[:ROWS_TO_JUDGE_BY]
    counts = {name: sum(form.matches(row) for row in sample) for name, form in FORMATS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def describe_formats() -> str:
    """All formats with their columns, for hints."""
    return "; ".join(f"{name} ({form.keys})" for name, form in FORMATS.items())
