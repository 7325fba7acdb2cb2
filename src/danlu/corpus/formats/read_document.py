"""What a reader of a document format yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FETCH_HINT = "Fetch or make it again; if other programs open it, save it with one of them under a new name."


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document, or a part of a file that could not be read as one."""

    place: str
    """Where in the file, for example "message 3"; empty if the document is the whole file."""
    text: str = ""
    title: str = ""
    url: str = ""
    date: str = ""
    """ISO 8601, as exact as the file says."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the file says of it, such as "from" and "language"."""
    unreadable: str | None = None
    """Why there is no text; None for a document. The same for all parts that have the same wrong with them."""
