"""The rows that are left out. Nothing is ever dropped without a line here."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from danlu.corpus.conversation import Example

TEXT_CHARACTERS = 200
"""How much of a row is kept to recognise it by."""


class Dropped:
    """Rows left out so far, with their reasons."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        """Columns of `danlu.artifacts.examples.DROPPED_SCHEMA`."""
        self.by_reason: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.rows)

    def add_row(self, row: Any, *, source: str, index: int, reason: str) -> None:
        """Leave out a row that did not become an example."""
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        self._add("", source, index, reason, text)
        self.by_reason[reason] += 1

    def add_example(self, example: Example, *, reason: str, detail: str = "") -> None:
        """Leave out an example. `reason` is what is counted, `detail` is only written down."""
        text = "\n".join(message["content"] for message in example.messages)
        self._add(example.id, example.source, example.row, reason + detail, text)
        self.by_reason[reason] += 1

    def _add(self, example_id: str, source: str, index: int, reason: str, text: str) -> None:
        # What cannot be written as UTF-8 may be the very reason.
        beginning = text[:TEXT_CHARACTERS].encode(errors="replace").decode()
        self.rows.append({"id": example_id, "source": source, "row": index, "reason": reason, "text": beginning})

    def describe(self) -> list[str]:
        """One line for each reason, the most frequent first."""
        return [f"{count:,} × {reason}" for reason, count in self.by_reason.most_common()]
