"""Columns of rows and tags: what is missing in them, how values spread, and what lies far out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from danlu.artifacts.tags import read_tags, tag_names
from danlu.corpus.inspecting.lengths import quantiles_of
from danlu.corpus.inspecting.rows import Rows, numbers_of
from danlu.corpus.inspecting.subject import Subject

FENCE = 3.0
"""Interquartile ranges beyond the quartiles, behind which a value is outlying (Tukey's far out)."""


@dataclass(frozen=True)
class Values:
    """Of one column."""

    name: str
    num_values: int
    num_missing: int
    """Null, or not a number: for a tag, rows that it does not apply to."""
    quantiles: dict[str, float]
    """Of numbers; empty for words."""
    num_outlying: int
    """Numbers far out; nothing is far out where half of all values are equal."""


def values_of(subject: Subject, rows: Rows) -> list[Values]:
    """Label and score of rows that stayed, then all tags of rows that were judged, column by column."""
    found = []
    if rows.labels:
        found.append(Values("label", len(rows), int((rows.label < 0).sum()), {}, 0))
    if len(rows) and not np.isnan(rows.score).all():
        found.append(_numbers("score", rows.score))
    for name in tag_names(subject.directory):
        columns = [batch.column(0) for batch in read_tags(subject.directory, [name])]
        if columns and pa.types.is_string(columns[0].type):
            missing = sum(column.null_count for column in columns)
            found.append(Values(name, sum(map(len, columns)), missing, {}, 0))
        else:
            found.append(_numbers(name, np.concatenate([numbers_of(column) for column in columns] or [np.zeros(0)])))
    return found


def _numbers(name: str, values: Any) -> Values:
    known = values[~np.isnan(values)].astype(np.float64)
    outlying = 0
    if len(known):
        low, high = np.quantile(known, [0.25, 0.75])
        width = high - low
        if width > 0:
            outlying = int(((known < low - FENCE * width) | (known > high + FENCE * width)).sum())
    return Values(name, len(values), len(values) - len(known), quantiles_of(known), outlying)
