"""How the characters of a file are written: UTF-8 unless its beginning says otherwise."""

from __future__ import annotations

import codecs
import re

from danlu.corpus.files import BadFileError

JUDGED_BYTES = 2**18
"""Of the beginning of a file, by which its encoding is judged."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, longer ones first where one begins with another."""
CANDIDATES = ["gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251"]
"""What is tried where it is not UTF-8."""
LINES_BY_BYTE = {"utf-8", "utf-8-sig", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251"}
"""In these a byte 0x0a is the end of a line and nothing else."""
NO_TEXT = bytes({*range(0x00, 0x09), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F})
"""Bytes that are in no text; escape is, in coloured text."""
CONVERT_HINT = "Convert the file to UTF-8, for example with: iconv -f GB18030 -t UTF-8 OLD > NEW"


def encoding_of(beginning: bytes, name: str) -> str:
    """The encoding of a text file by its first `JUDGED_BYTES`, as Python calls it.

    Raises:
        BadFileError: it is no text, or in none of the encodings that are known.
    """
    for mark, encoding in MARKS:
        if beginning.startswith(mark):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=len(beginning) < JUDGED_BYTES)
    except UnicodeDecodeError as error:
        found = None if set(NO_TEXT) & set(beginning) or _is_nearly_utf8(beginning) else _guessed(beginning)
        if found is None:
            line = beginning.count(b"\n", 0, error.start) + 1
            reason = f"{invalid_byte(error, 'utf-8')}, and no other encoding fits"
            raise BadFileError(name, reason, CONVERT_HINT, f"line {line}") from error
        return found
    if b"\0" in beginning:
        raise BadFileError(name, "it holds bytes of zero, so it is no text", CONVERT_HINT)
    return "utf-8"


def invalid_byte(error: UnicodeDecodeError, encoding: str) -> str:
    """Why something is no text in an encoding."""
    return f"byte 0x{error.object[error.start]:02x} is not valid {encoding.upper()}"


def _is_nearly_utf8(beginning: bytes) -> bool:
    """Whether most of what is not ASCII is well-formed: then some bytes are damaged, and it is no other encoding."""
    text = beginning.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(map(len, re.findall("[^\0-\x7f\ufffd]+", text))) > 4 * damaged


def _guessed(beginning: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(beginning, cp_isolation=CANDIDATES, enable_fallback=False).best()
    return best.encoding if best else None
