"""Bytes of a page as text: what encoding they are in, from their mark, what is declared, or how they look."""

from __future__ import annotations

import codecs
import re

from danlu.corpus.encodings import NO_TEXT

DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
DECLARED_WITHIN = 4096
"""Bytes at the beginning in which a declaration counts."""

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What pages mean by the names that they declare, by Python's names: browsers read the larger set, too."""

BINARY_SHARE = 0.02
"""Of control characters, which no page has."""
SINGLE_BYTES = ("cp125", "iso8859", "koi8", "mac")

# The hundred-odd characters that make up half of modern Chinese text; of them those that one script has alone.
SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
)
TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
)
KANA = re.compile("[ぁ-ヿ]")
HANGUL = frozenset("이다는을를의에가은고하지로한기사도서어나리인자해있들시아과")
LETTERS = re.compile(r"[^\x00-\x7f]")


def decode_page(data: bytes, declared: str | None = None) -> str:
    """The text of a page; what cannot be decoded becomes U+FFFD.

    A byte order mark counts most; then, for text that is valid UTF-8 and not only ASCII, UTF-8, whatever is declared,
    since nothing else looks like it; then what is declared, if it fits; then what the bytes look like.

    Args:
        data: The page.
        declared: The encoding that came with it, as in the header of a response.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if (wide := _wide(data)) is not None:
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A page that was cut off in the middle of a character is still UTF-8.
        if error.start > 1000 and error.start > 0.999 * len(data):
            return data.decode("utf-8", errors="replace")
    for name in (declared, _declared_inside(data)):
        named = known(name)
        if named is not None and _fits(data, named):
            return data.decode(named, errors="replace")
    return data.decode(guess(data), errors="replace")


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text at all: many of them are control characters, and it is not UTF-16."""
    sample = data[: 1 << 16]
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _wide(sample) is not None:
        return False
    return len(sample) - len(sample.translate(None, NO_TEXT)) > BINARY_SHARE * len(sample)


def known(name: str | None) -> str | None:
    """Python's name of an encoding for text, or None."""
    if not name:
        return None
    try:
        found = codecs.lookup(name.strip().lower().replace("x-sjis", "shift_jis").replace("x-gbk", "gbk"))
    except (LookupError, ValueError):
        return None
    # Others, such as rot13 and zlib, do not make text of bytes.
    return WIDER.get(found.name, found.name) if found._is_text_encoding else None


def guess(data: bytes) -> str:
    """What bytes that are no valid UTF-8 look like; the first 64 KiB are looked at."""
    sample = data[: 1 << 16]
    mistakes = sample.decode("utf-8", errors="replace").count("\ufffd")
    foreign = len(sample) - len(sample.decode("ascii", errors="ignore"))
    if 20 * mistakes < foreign:
        return "utf-8"  # with damage here and there
    scores = {encoding: _score(sample, encoding) for encoding in ("gb18030", "big5hkscs", "cp932", "cp949")}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] > 0.05 else "cp1252"


def _score(sample: bytes, encoding: str) -> float:
    """Share of the letters that are common in the language of the encoding, less what cannot be decoded."""
    text = sample.decode(encoding, errors="replace")
    letters = LETTERS.findall(text)
    if not letters:
        return 0.0
    mistakes = 10 * text.count("\ufffd")
    if encoding == "cp932":
        hits = len(KANA.findall(text))
    elif encoding == "cp949":
        hits = sum(letter in HANGUL for letter in letters)
    else:
        common = SIMPLIFIED if encoding == "gb18030" else TRADITIONAL
        hits = sum(letter in common for letter in letters)
    return (hits - mistakes) / len(letters)


def _declared_inside(data: bytes) -> str | None:
    found = DECLARED.search(data, 0, DECLARED_WITHIN)
    return found.group(1).decode("ascii") if found else None


def _fits(data: bytes, encoding: str) -> bool:
    """Whether nearly all of it can be decoded. Single bytes decode everything, so text must not look East Asian."""
    text = data[: 1 << 16].decode(encoding, errors="replace")
    foreign = len(LETTERS.findall(text))
    if encoding.startswith(SINGLE_BYTES):
        return foreign < 50 or guess(data) == "cp1252"
    return text.count("\ufffd") <= 0.02 * foreign + 1


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of its markup is zero."""
    sample = data[:512]
    if len(sample) < 8 or 0 not in sample:
        return None
    even, odd = sample[0::2].count(0) / (len(sample) / 2), sample[1::2].count(0) / (len(sample) / 2)
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.1 else None
