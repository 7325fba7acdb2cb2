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
    return cleaned(text).strip()


def cleaned(text: str) -> str:
    """The same with the white space around the whole."""
    plain = NOT_TEXT.sub("", LINE_ENDS.sub("\n", text))
    # Most texts are; to see that is many times as fast as to make them so.
    return plain if unicodedata.is_normalized("NFC", plain) else unicodedata.normalize("NFC", plain)


def lines(text: str) -> list[str]:
    """The lines of a cleaned text, empty ones too, without white space around them."""
    return [line.strip() for line in text.removesuffix("\n").split("\n")]


def paragraphs(text: str) -> list[str]:
    """What empty lines part in a cleaned text; the last one, which may go on, as it stands there."""
    *whole, last = EMPTY_LINES.split(text)
    return [*(paragraph.strip() for paragraph in whole), last]
