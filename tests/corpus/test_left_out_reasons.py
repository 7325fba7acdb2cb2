"""What is said of rows that were left out: all that nobody asked for, and the most frequent of what was asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from danlu.corpus.dropped import REASONS_NAMED, tell_of_rows


def test_every_row_is_in_what_is_said(reporter: Any) -> None:
    asked = Counter({f"gopher_quality@1: reason {number}": 100 - number for number in range(REASONS_NAMED + 5)})
    tell_of_rows(asked + Counter({"'text' is missing": 3, "exact duplicate": 500}), 9000, "documents", reporter)
    assert reporter.warnings == ["3 of 9,000 documents left out: 'text' is missing."]
    assert len(reporter.messages) == REASONS_NAMED + 1
    assert reporter.messages[0] == "500 of 9,000 documents left out: exact duplicate."
    rest = sum(sorted(asked.values())[:6])
    assert reporter.messages[-1] == f"{rest} of 9,000 documents left out: 6 other reasons, listed in dropped.parquet."
