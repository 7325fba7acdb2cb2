"""Characters made right: broken encodings, invisible marks, full and half width, blanks; and how many edits that takes.

Each is off unless it is asked for, and each is a function of one text. A second time changes nothing, but for encodings
that were broken twice. One core does all of them at 10 MB/s of English pages and 25 of Chinese news. Text with accents
is slowest, since ftfy looks at each of its lines (5 MB/s).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

from danlu.corpus.characters import HAN_RANGES, KANA_RANGES
from danlu.corpus.documents.text import cleaned
from danlu.corpus.folding import nfkc
from danlu.corpus.judging import Judgement, Tag
from danlu.corpus.tagging.config import UnicodeConfig
from danlu.errors import UserError

LABEL = "unicode@1"

SUSPECT = re.compile("[\u0080-\u1fff\u2070-\u2e7f\ue000-\uf8ff]")
"""In every text that was read in a wrong encoding; in no text of ASCII and Chinese alone."""

Edit = Callable[[str], tuple[str, int]]
"""A text -> the text after it, and how often something was changed."""

_JOINED = "\u0600-\u08ff\u0900-\u109f\u1780-\u18af"
_PICTURES = "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
# Each pattern begins with the character that is looked for, and then looks back, which is many times as fast.
INVISIBLE = re.compile(
    # Soft hyphen, what hinders joining and sorting, Hangul's fillers, zero width, directions of writing, operators.
    # What parts or joins letters stays behind those of Arabic, of India and its neighbours, and behind pictures.
    "[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]"
    f"(?<![{_JOINED}]\u200c)(?<![{_JOINED}{_PICTURES}]\u200d)"
)
WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")
HALF_KANA = re.compile("[\uff66-\uff9f]+")
NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

BLANK = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
RUNS = re.compile(rf"[{BLANK}](?<=[^\n{BLANK}][{BLANK}])[{BLANK}]+|[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
"""Two and more blanks inside a line, and single ones of odd kinds; what a line begins with may have a sense."""
AT_END = re.compile(rf"[{BLANK}](?<![{BLANK}][{BLANK}])[{BLANK}]*+(?=\n|\Z)")
EMPTY_LINES = re.compile("\n{3,}")

_WRITTEN_WITHOUT = "".join(f"{chr(first)}-{chr(last)}" for first, last in (*HAN_RANGES, *KANA_RANGES))
_MARKS = "\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\u2014\u2026\u201c\u201d"
HAN_BLANKS = re.compile(rf" (?<=[{_WRITTEN_WITHOUT}{_MARKS}] ) *+(?=[{_WRITTEN_WITHOUT}{_MARKS}])")
"""Blanks between characters that are written without. Some files part all characters by them."""


class UnicodeJudge:
    """Makes characters right, and leaves nothing out.

    Args:
        config: What is made right.

    Raises:
        UserError: a library is not installed.
    """

    def __init__(self, config: UnicodeConfig) -> None:
        self._edits = _edits(config)

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tags: how many edits each text needed, by their kind."""
        counts = {name: np.zeros(len(texts)) for name in self._edits}
        edited = []
        for row, text in enumerate(texts):
            for name, edit in self._edits.items():
                text, counts[name][row] = edit(text)
            edited.append(cleaned(text).strip())
        tags: dict[str, Tag] = {f"{LABEL}/{name}": column for name, column in counts.items()}
        return Judgement(tags, [None] * len(texts), edited)


def _edits(config: UnicodeConfig) -> dict[str, Edit]:
    """In the order in which they are made."""
    found: dict[str, Edit] = {}
    if config.mend_encoding:
        found["encoding"] = _encoding_mender()
    if config.remove_invisible:
        found["invisible"] = remove_invisible
    if config.normalization == "NFKC":
        found["compatibility"] = to_compatibility
    if config.narrow_letters:
        found["width"] = to_usual_width
    if config.collapse_blanks:
        found["blanks"] = collapse_blanks
    if config.join_chinese:
        found["chinese_blanks"] = join_chinese
    return found


def _encoding_mender() -> Edit:
    try:
        from ftfy import TextFixerConfig, fix_encoding
    except ImportError as error:
        raise UserError(
            "unicode.mend_encoding needs the package ftfy, which is not installed.",
            "Install it with: pip install 'danlu[data]'",
        ) from error
    # Nothing but encodings: quotes, entities and the like stay.
    settings = TextFixerConfig(restore_byte_a0=True, replace_lossy_sequences=True, decode_inconsistent_utf8=True)

    def mend(text: str) -> tuple[str, int]:
        """By line, as a text may be put together of several."""
        if not SUSPECT.search(text):
            return text, 0
        lines = text.split("\n")
        mended = [fix_encoding(line, settings) if SUSPECT.search(line) else line for line in lines]
        return "\n".join(mended), sum(old != new for old, new in zip(lines, mended, strict=True))

    return mend


def remove_invisible(text: str) -> tuple[str, int]:
    """One edit for each character."""
    return (text, 0) if text.isascii() else INVISIBLE.subn("", text)


def join_chinese(text: str) -> tuple[str, int]:
    """One edit for each run of blanks between characters that are written without."""
    return (text, 0) if text.isascii() else HAN_BLANKS.subn("", text)


def to_compatibility(text: str) -> tuple[str, int]:
    """NFKC; one edit for each character that has another form."""
    folded = nfkc(text)
    if folded == text:
        return text, 0
    return folded, sum(unicodedata.normalize("NFKC", character) != character for character in text)


def to_usual_width(text: str) -> tuple[str, int]:
    """Full-width letters and digits of Latin become usual ones, half-width katakana full ones. Marks stay: ，！？ are
    right in Chinese."""
    if text.isascii():
        return text, 0
    text, wide = WIDE.subn(lambda found: found.group().translate(NARROW), text)
    text, half = HALF_KANA.subn(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return text, wide + half


def collapse_blanks(text: str) -> tuple[str, int]:
    """One blank for several, one empty line for several, none at the end of a line."""
    text, ends = AT_END.subn("", text)
    text, runs = RUNS.subn(" ", text)
    text, empty = EMPTY_LINES.subn("\n\n", text)
    return text, ends + runs + empty
