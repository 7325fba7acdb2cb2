"""What is to be known of a part besides its items: counts that are added up, and what was left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Notes:
    """Of a part, or of all of them."""

    num_rows: list[int] = field(default_factory=list)
    """Read from each piece, in order, those that were left out included."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows by their reason."""
    bad_files: list[dict[str, Any]] = field(default_factory=list)
    """What a `BadFileError` says, of each piece that could not be read to its end."""
    columns: dict[str, None] = field(default_factory=dict)
    """Found in rows, in order."""
    replaced: Counter[str] = field(default_factory=Counter)
    """How often each text was found that is to be replaced."""
    unused: dict[str, Counter[str]] = field(default_factory=dict)
    """By file, columns that hold something and are not used, in how many rows."""
    used: dict[str, dict[str, None]] = field(default_factory=dict)
    """By file, columns that hold something and are read, in order."""
    found: dict[str, Counter[str]] = field(default_factory=dict)
    """By file, what some rows have, such as tools, and how many."""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Notes:
        counters = {name: Counter(content[name]) for name in ("left_out", "replaced")}
        by_file = {
            name: {uri: Counter(counts) for uri, counts in content[name].items()} for name in ("unused", "found")
        }
        return cls(**{**content, **counters, **by_file})

    def add(self, other: Notes) -> None:
        """Of the part behind this one. Rows and bad files of pieces are not put together."""
        self.left_out.update(other.left_out)
        self.replaced.update(other.replaced)
        self.columns.update(other.columns)
        for uri, columns in other.used.items():
            self.used.setdefault(uri, {}).update(columns)
        for mine, others in ((self.unused, other.unused), (self.found, other.found)):
            for uri, counts in others.items():
                mine.setdefault(uri, Counter()).update(counts)
