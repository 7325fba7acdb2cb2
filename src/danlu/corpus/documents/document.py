"""What a document is."""

from __future__ import annotations

from dataclasses import dataclass

from danlu.corpus.item import id_of, normalise


@dataclass(frozen=True, slots=True)
class Document:
    """A document that passed; an `danlu.corpus.item.Item`."""

    id: str
    text: str
    source: str
    """URI of the file."""
    row: int
    """0-based row, line or paragraph in the file; 0 for a whole file."""
    normalised: str
    label: str | None = None
    """Its class, if documents have classes."""
    score: float | None = None
    """A number its row gives it, if one was asked for."""

    @classmethod
    def of(cls, text: str, source: str, row: int, label: str | None = None, score: float | None = None) -> Document:
        """
        Raises:
            UnicodeEncodeError: the text holds half a surrogate pair.
        """
        normalised = normalise(text)
        return cls(id_of(normalised), text, source, row, normalised, label, score)

    @property
    def comparable(self) -> str:
        return self.normalised.lower()
