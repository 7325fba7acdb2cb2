"""What every kind of row has in common, be it a conversation or a document."""

from __future__ import annotations

import hashlib
from typing import Protocol

from danlu.corpus.folding import nfkc

KEY_BYTES, ID_DIGITS = 16, 16


class Item(Protocol):
    """A row that may come to stand in the artifact."""

    @property
    def id(self) -> str:
        """See `id_of`."""
        ...

    @property
    def key(self) -> bytes:
        """Equal for exact duplicates, see `key_of`."""
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
    return " ".join(nfkc(text).split())


def key_of(normalised: str) -> bytes:
    """The first 16 bytes of the SHA-256 of a normalised text.

    Raises:
        UnicodeEncodeError: the text holds half a surrogate pair.
    """
    return hashlib.sha256(normalised.encode()).digest()[:KEY_BYTES]


def id_of(key: bytes) -> str:
    """The first 16 hex digits of a key."""
    return key.hex()[:ID_DIGITS]


def id_of_text(text: str) -> str:
    """Of a text that is not normalised."""
    return id_of(key_of(normalise(text)))


def wrong_length(num_characters: int, shortest: int, longest: int | None) -> str | None:
    """Why a text of so many characters is left out, or None if it is not."""
    if num_characters < shortest:
        return f"shorter than {shortest} characters"
    if longest is not None and num_characters > longest:
        return f"longer than {longest} characters"
    return None
