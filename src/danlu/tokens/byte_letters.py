"""The letter that stands for each byte in byte-level vocabularies."""

from __future__ import annotations

PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))


def _letters() -> list[str]:
    """Printable bytes of Latin-1 stand for themselves, the others are numbered from U+0100 (GPT-2's encoder.py)."""
    others = (byte for byte in range(256) if byte not in PRINTABLE)
    numbered = {byte: chr(0x100 + number) for number, byte in enumerate(others)}
    return [numbered.get(byte, chr(byte)) for byte in range(256)]


BYTE_LETTERS = _letters()
"""By byte."""
_BYTES = {letter: byte for byte, letter in enumerate(BYTE_LETTERS)}


def letters_to_bytes(token: str) -> bytes | None:
    """The bytes a token of a byte-level vocabulary stands for; None if it is not written in its letters."""
    try:
        return bytes(_BYTES[letter] for letter in token)
    except KeyError:
        return None
