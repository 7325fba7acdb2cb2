"""What each character is: a table from code point to bits, made from unicodedata in some 0.1 s, once a process.

The bits agree with the methods of `str`: LETTER with isalpha, SPACE with isspace, LINE_END with splitlines.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.uint32]
"""Bits by code point, shape (`NUM_CODES`,)."""

NUM_CODES = 0x110000

LETTER = 1 << 0
DIGIT = 1 << 1
"""Decimal digits of any script."""
UPPER = 1 << 2
LOWER = 1 << 3
SPACE = 1 << 4
LINE_END = 1 << 5
PUNCTUATION = 1 << 6
SYMBOL = 1 << 7
MARK = 1 << 8
"""What combines with the letter before it."""
HAN = 1 << 9
KANA = 1 << 10
HANGUL = 1 << 11
SENTENCE_END = 1 << 12
OTHER_SYMBOL = 1 << 13
"""Symbols that are neither of mathematics nor of currencies: emoji, dingbats, ©, °."""

NUM_BITS = 14
"""Bits from here on are free for tables that add to this one."""

ASSIGNED = (range(0x0, 0x3_4000), range(0xE_0000, 0xE_1000))
"""Where there are characters. Beyond are private use and nothing."""

SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85"
"""White space that Unicode counts as control characters."""
LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

HAN_RANGES = (
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3005),  # 々
    (0x3007, 0x3007),  # 〇
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x2_0000, 0x3_3479),
)
KANA_RANGES = ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))
HANGUL_RANGES = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))

# Unicode's property Sentence_Terminal, which unicodedata does not know, with Khmer's marks and the full stop for lists.
SENTENCE_END_RANGES = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d6 "
    "17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e 1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 "
    "2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb "
    "fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 "
    "111c5-111c6 111cd 111de-111df 11238-11239 1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 "
    "1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 "
    "16b37-16b38 16b44 16e98 1bc9f 1da88"
)


@lru_cache(maxsize=1)
def character_table() -> Table:
    """Bits of every code point. The array is shared: it is not to be changed."""
    table = np.zeros(NUM_CODES, np.uint32)
    for codes in ASSIGNED:
        part = table[codes.start : codes.stop]
        categories = "".join(map(unicodedata.category, map(chr, codes))).encode()
        first, second = np.frombuffer(categories, np.uint8).reshape(-1, 2).T
        for letter, bit in (("L", LETTER), ("P", PUNCTUATION), ("S", SYMBOL), ("M", MARK), ("Z", SPACE)):
            part[first == ord(letter)] |= bit
        for category, bit in (("Nd", DIGIT), ("Lu", UPPER), ("Ll", LOWER), ("So", OTHER_SYMBOL)):
            part[(first == ord(category[0])) & (second == ord(category[1]))] |= bit
    add(table, SPACE, SPACES)
    add(table, LINE_END, LINE_ENDS)
    for ranges, bit in ((HAN_RANGES, HAN), (KANA_RANGES, KANA), (HANGUL_RANGES, HANGUL)):
        for start, stop in ranges:
            table[start : stop + 1] |= bit
    for start, stop in parse_ranges(SENTENCE_END_RANGES):
        table[start : stop + 1] |= SENTENCE_END
    return table


def add(table: Table, bit: int, characters: Iterable[str]) -> None:
    """Set a bit for some characters."""
    table[[ord(character) for character in characters]] |= bit


def parse_ranges(text: str) -> list[tuple[int, int]]:
    """``"21 61d-61f"`` as ``[(0x21, 0x21), (0x61d, 0x61f)]``: first and last code points."""
    ranges = []
    for part in text.split():
        start, _, stop = part.partition("-")
        ranges.append((int(start, 16), int(stop or start, 16)))
    return ranges
