"""The key under which values are hashed and pseudonyms drawn. It is held in memory and written nowhere."""

from __future__ import annotations

import hashlib
import hmac
import os

from danlu.corpus.personal.draw import Draw
from danlu.errors import UserError

VARIABLE = "DANLU_PERSONAL_KEY"
SHORTEST = 16
"""Characters of a key."""
HASH_LETTERS = 16
"""Of a value's hash: 4 bits each."""
LETTERS = "bcdfghjkmnpqrstv"
"""Hexadecimal digits as letters, without vowels: a hash holds no numbers, and no words, that might be found."""
HEXADECIMAL = str.maketrans("0123456789abcdef", LETTERS)


class Key:
    """A secret, and what is made with it. Its text and representation do not tell it.

    Args:
        secret: At least SHORTEST bytes.

    Raises:
        UserError: it is shorter.
    """

    __slots__ = ("_drawing", "_hashing")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST:
            raise UserError(
                f"The key for personal information has {len(secret)} bytes.",
                f"Give it at least {SHORTEST}, at random: export {VARIABLE}=$(openssl rand -hex 32)",
            )
        self._hashing = hmac.digest(secret, b"hash", hashlib.sha256)
        self._drawing = hmac.digest(secret, b"pseudonym", hashlib.sha256)

    @classmethod
    def from_environment(cls) -> Key | None:
        """The key in DANLU_PERSONAL_KEY, if there is one."""
        secret = os.environ.get(VARIABLE)
        return cls(secret.encode()) if secret else None

    def __repr__(self) -> str:
        return "Key(…)"

    def hash_of(self, kind: str, canonical: str) -> str:
        """The hash of a value: equal for equal values of a kind, under this key."""
        message = f"{kind}\0{canonical}".encode(errors="surrogatepass")
        return hmac.digest(self._hashing, message, hashlib.sha256).hex()[:HASH_LETTERS].translate(HEXADECIMAL)

    def draw(self, kind: str, canonical: str) -> Draw:
        """Numbers for the stand-in of a value."""
        message = f"{kind}\0{canonical}".encode(errors="surrogatepass")
        return Draw(hmac.digest(self._drawing, message, hashlib.sha256))
