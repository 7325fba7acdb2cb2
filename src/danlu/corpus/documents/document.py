"""What a document is, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from danlu.corpus.item import id_of, key_of, normalise
from danlu.corpus.splitting.marking import NO_MARK, Mark


@dataclass(frozen=True, slots=True)
class About:
    """What a source says of a document; each is None where it says nothing."""

    title: str | None = None
    url: str | None = None
    date: str | None = None


UNKNOWN = About()


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that may become a document."""

    text: str
    label: str | None = None
    """Its class, if documents have classes."""
    score: float | None = None
    """A number its row gives it, if one was asked for."""
    mark: Mark = NO_MARK
    about: About = UNKNOWN

    @property
    def num_characters(self) -> int:
        return len(self.text)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that passed; an `danlu.corpus.item.Item`."""

    key: bytes
    text: str
    normalised: str
    label: str | None = None
    score: float | None = None
    title: str | None = None
    url: str | None = None
    date: str | None = None

    @classmethod
    def of(cls, text: str, label: str | None = None, score: float | None = None, about: About = UNKNOWN) -> Document:
        """
        Raises:
            UnicodeEncodeError: the text holds half a surrogate pair.
        """
        normalised = normalise(text)
        return cls(key_of(normalised), text, normalised, label, score, about.title, about.url, about.date)

    @property
    def id(self) -> str:
        return id_of(self.key)

    @property
    def comparable(self) -> str:
        return comparable_of(self.normalised)


def document_of(row: Mapping[str, Any]) -> Document:
    """Of a row of a corpus."""
    return Document.of(row["text"])


def comparable_of(normalised: str) -> str:
    """What near duplicates have nearly in common."""
    return normalised.lower()
