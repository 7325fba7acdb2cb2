"""``score``: a number for each document, from a column of its row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from danlu.corpus.documents.template import MissingTextError

Scorer = Callable[[Any], float | None]
"""A row -> its score, None where documents have none."""


def scorer(column: str | None) -> Scorer:
    """A function from a row, which is a mapping, to its number; it raises `MissingTextError` where there is none."""

    def score(row: Any) -> float | None:
        if column is None:
            return None
        value = row.get(column)
        if isinstance(value, str):  # as CSV files have it
            try:
                value = float(value)
            except ValueError:
                raise MissingTextError(f"{column!r} is no number") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MissingTextError(f"{column!r} is missing" if value is None else f"{column!r} is no number")
        return float(value)

    return score
