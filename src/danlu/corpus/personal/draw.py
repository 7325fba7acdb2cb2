"""Numbers that depend on a key and a value alone, for stand-ins."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence


class Draw:
    """A stream of numbers, without end: HMAC-SHA-256 of a counter under a seed.

    Args:
        seed: Whoever knows it can repeat the stream.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counter = 0

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` less one (`bound` at most 2^32: then none is likelier by more than 2^-32)."""
        self._counter += 1
        digest = hmac.digest(self._seed, self._counter.to_bytes(8, "big"), hashlib.sha256)
        return int.from_bytes(digest[:8], "big") % bound

    def choice(self, items: Sequence[str]) -> str:
        return items[self.below(len(items))]

    def digits(self, count: int) -> str:
        return "".join(self.choice("0123456789") for _ in range(count))

    def letters(self, count: int, alphabet: str = "bcdfghjkmnpqrstvwxz") -> str:
        """Without vowels, so that no words come about."""
        return "".join(self.choice(alphabet) for _ in range(count))


def laid_out(characters: str, like: str) -> str:
    """`characters` with the separators of `like`, which has as many letters and digits.

    ``laid_out("99012345678", "138-1234-5678") == "990-1234-5678"``
    """
    following = iter(characters)
    return "".join(next(following) if character.isalnum() else character for character in like)
