"""Text as it is kept: one form of each character and of the end of a line, and nothing that only steers a terminal."""

from __future__ import annotations

import re
import unicodedata

LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
NOT_TEXT = re.compile(
    # Colours and cursor movements (ECMA-48 control sequences); then all other control characters but tab and line feed,
    # and byte order marks.
    "\x1b\\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]"
)
EMPTY_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


def tidy(text: str) -> str:
    """NFC, lines that end in a line feed, no control characters, no white space around the whole."""
    return unicodedata.normalize("NFC", NOT_TEXT.sub("", LINE_ENDS.sub("\n", text))).strip()


def lines(text: str) -> list[str]:
    """The lines of a tidy text, empty ones too, without white space around them."""
    return [line.strip() for line in text.split("\n")]


def paragraphs(text: str) -> list[str]:
    """What empty lines part in a tidy text."""
    return [paragraph.strip() for paragraph in EMPTY_LINES.split(text)]
