"""A row that does not become an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LeftOut:
    """A row that does not become an item."""

    content: Any
    """As it was read; if it has an id, its text as it may be kept."""
    reason: str
    """Rows with the same reason are counted together."""
    id: str = ""
    """Of the item that it would have been."""
    detail: str = ""
    """What is written down behind the reason, and not counted."""

    @property
    def whole_reason(self) -> str:
        """As it is written down."""
        return self.reason + self.detail
