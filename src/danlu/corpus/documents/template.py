"""How a row becomes a text: a template of column names in braces."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

from danlu.corpus.reading.row import Unreadable


class MissingTextError(Exception):
    """A row that makes no text. The message is the reason; rows with the same reason are counted together."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_template(template: str) -> list[tuple[str, str | None]]:
    """What stands before each column, and the column; None for what stands behind the last one.

    Raises:
        ValueError: a brace is left open, there is no column, or more than a name stands between braces.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{error}; a brace that is meant as one is written {{{{ or }}}}") from None
    for _, column, form, conversion in parts:
        if column == "" or form or conversion:
            raise ValueError("between braces stands the name of a column and nothing else")
    if not any(column for _, column, _, _ in parts):
        raise ValueError(f"there is no column in {template!r}; write one in braces")
    return [(before, column) for before, column, _, _ in parts]


def columns_of(template: str) -> list[str]:
    """The columns a template names, in order."""
    return [column for _, column in parse_template(template) if column is not None]


def renderer(template: str) -> Callable[[Any], str]:
    """A function from a row to its text, which raises `MissingTextError` where a column of the template is empty."""
    parts = parse_template(template)

    def render(row: Any) -> str:
        if isinstance(row, Unreadable):
            raise MissingTextError(row.reason)
        if not isinstance(row, dict):
            raise MissingTextError(f"the row is not a mapping but {type(row).__name__}")
        return "".join(before if column is None else before + _text_of(row, column) for before, column in parts)

    return render


def _text_of(row: dict[str, Any], column: str) -> str:
    """Text as it stands, numbers as Python writes them, and lists of texts with one item a line."""
    value = row.get(column)
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = "\n".join(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
    elif value is None:
        raise MissingTextError(f"{column!r} is null" if column in row else f"{column!r} is missing")
    else:
        raise MissingTextError(f"{column!r} is not text but {type(value).__name__}")
    if not text or text.isspace():
        raise MissingTextError(f"{column!r} is empty")
    return text
