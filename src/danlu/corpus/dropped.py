"""The rows that are left out. Nothing is ever dropped without a line here."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from danlu.corpus.files import BadFileError
from danlu.corpus.item import Item
from danlu.telemetry.reporter import Reporter

TEXT_CHARACTERS = 200
"""How much of a row is kept to recognise it by."""
FILES_NAMED = 10
"""So many bad files are warned of by name."""
WANTED = ("exact duplicate", "near duplicate")
"""Reasons that were asked for and deserve no warning."""


class Dropped:
    """Rows left out so far, with their reasons."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        """Columns of `danlu.artifacts.dropped.DROPPED_SCHEMA`."""
        self.by_reason: Counter[str] = Counter()
        """Rows."""
        self.num_files = 0
        """Whole files that could not be read."""

    def __len__(self) -> int:
        return len(self.rows)

    def add_row(self, row: Any, *, source: str, index: int, reason: str) -> None:
        """Leave out a row that did not become an item."""
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        self._add("", source, index, reason, text)
        self.by_reason[reason] += 1

    def add_item(self, item: Item, *, reason: str, detail: str = "") -> None:
        """Leave out an item. `reason` is what is counted, `detail` is only written down."""
        self._add(item.id, item.source, item.row, reason + detail, item.text)
        self.by_reason[reason] += 1

    def add_file(self, error: BadFileError, reporter: Reporter) -> None:
        """Set aside a whole file, and say so."""
        self._add("", error.name, 0, error.reason + (f" ({error.place})" if error.place else ""), "")
        self.num_files += 1
        if self.num_files <= FILES_NAMED:
            reporter.warn(f"Set aside: {error.what}")

    def _add(self, item_id: str, source: str, index: int, reason: str, text: str) -> None:
        # What cannot be written as UTF-8 may be the very reason.
        beginning = text[:TEXT_CHARACTERS].encode(errors="replace").decode()
        self.rows.append({"id": item_id, "source": source, "row": index, "reason": reason, "text": beginning})

    def report(self, num_read: int, unit: str, reporter: Reporter) -> None:
        """Say how many of `num_read` rows (called `unit`) are left out, and warn where that was not asked for."""
        if self.num_files > FILES_NAMED:
            reporter.warn(f"{self.num_files:,} files are set aside, all listed in dropped.parquet.")
        for reason, count in self.by_reason.most_common():
            tell = reporter.say if reason in WANTED else reporter.warn
            tell(f"{count:,} of {num_read:,} {unit} left out: {reason}.")

    def describe(self) -> list[str]:
        """One line for each reason, the most frequent first."""
        return [f"{count:,} × {reason}" for reason, count in self.by_reason.most_common()]
