"""What every kind of row has in common, be it a conversation or a document."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Protocol


class Item(Protocol):
    """A row that may come to stand in the artifact."""

    @property
    def id(self) -> str:
        """See `id_of`."""
        ...

    @property
    def source(self) -> str:
        """URI of the file."""
        ...

    @property
    def row(self) -> int:
        """0-based index in the file."""
        ...

    @property
    def text(self) -> str:
        """All its text, to be looked at by people."""
        ...

    @property
    def normalised(self) -> str:
        """Equal for exact duplicates, see `normalise`."""
        ...

    @property
    def comparable(self) -> str:
        """What near duplicates have nearly in common."""
        ...


def normalise(text: str) -> str:
    """NFKC with each run of white space as one blank; case is kept, since it can carry meaning."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def id_of(normalised: str) -> str:
    """The first 16 hex digits of the SHA-256 of a normalised text: equal for exact duplicates."""
    return hashlib.sha256(normalised.encode()).hexdigest()[:16]


def wrong_length(num_characters: int, shortest: int, longest: int | None) -> str | None:
    """Why a text of so many characters is left out, or None if it is not."""
    if num_characters < shortest:
        return f"shorter than {shortest} characters"
    if longest is not None and num_characters > longest:
        return f"longer than {longest} characters"
    return None
