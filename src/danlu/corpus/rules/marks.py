"""What characters are to the rules: the table of `danlu.corpus.characters` with more bits, for each way of writing.

Texts whose words stand apart by blanks (``spaced``) are read as datatrove reads English: its lists of marks, and the
classes that spaCy's tokenizer for English has. Chinese texts have marks of their own.
"""

from __future__ import annotations

import string
from functools import lru_cache

import numpy as np

from danlu.corpus.characters import (
    LETTER,
    LOWER,
    NUM_BITS,
    OTHER_SYMBOL,
    PUNCTUATION,
    SENTENCE_END,
    SYMBOL,
    UPPER,
    Table,
    add,
    character_table,
    parse_ranges,
)

# To cut words:
AFFIX_DIGIT = 1 << NUM_BITS
"""0 to 9."""
ALPHABETIC = 1 << (NUM_BITS + 1)
"""Letters of the scripts that spaCy knows."""
SMALL = 1 << (NUM_BITS + 2)
"""Of these, small letters and those without case."""
CAPITAL = 1 << (NUM_BITS + 3)
"""Of these, capital letters and those without case."""
QUOTE = 1 << (NUM_BITS + 4)
PREFIX = 1 << (NUM_BITS + 5)
"""Comes off in front of a word by itself."""
SUFFIX = 1 << (NUM_BITS + 6)
"""Comes off behind a word by itself."""
ICON = 1 << (NUM_BITS + 7)
"""Is a word by itself wherever it stands."""
BEFORE_FULL_STOP = 1 << (NUM_BITS + 8)
"""A full stop behind it comes off."""
HOST = 1 << (NUM_BITS + 9)
"""Letters and digits of host names."""
WORD = 1 << (NUM_BITS + 10)
"""Letters, digits and the underscore, as regular expressions have them."""
NOTABLE = 1 << (NUM_BITS + 11)
"""A chunk without any of these is one word, unless it is a special one."""

# To apply rules:
NO_WORD = 1 << (NUM_BITS + 12)
"""A word of nothing else is not counted as one."""
BULLET = 1 << (NUM_BITS + 13)
"""Begins an item of a list."""
LINE_STOP = 1 << (NUM_BITS + 14)
"""Ends a whole line, for FineWeb."""
CLOSING = 1 << (NUM_BITS + 15)
"""Ends a whole line, for C4."""

MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
CURRENCIES = "$£€¥฿₽﷼₴" + "".join(map(chr, range(0x20A0, 0x20C0)))
ALONE_IN_FRONT = "§%=—–"
ALONE_BEHIND = "—–"
ELSEWHERE = ".+-*^~/0123456789"
"""What else the cutter looks at."""

CASED_RANGES = (
    "41-5a 61-7a ff21-ff3a ff41-ff5a c0-d6 d8-f6 f8-1bf 1c4-24f 250-2af 1d00-1d25 1d6b-1d77 1d79-1d9a 1e00-1eff "
    "2c60-2c7b 2c7e-2c7f a722-a76f a771-a787 a78b-a78e a790-a7b9 a7fa ab30-ab5a ab60-ab64 "  # Latin
    "386 388-38a 38c 38e-38f 391-3a9 3ac-3af 3b1-3c9 3cc-3ce "  # Greek
    "400-401 403-405 406-40d 410-44f 450-451 453-458 459-45d 490-491 496-497 4a2-4a3 4ae-4af 4ba-4bb 4d8-4d9 4e8-4e9"
)
UNCASED_RANGES = (
    "1200-137f 980-9ff 591-5f4 fb1d-fb4f 620-64a 66e-6d5 6e5-6ff 750-77f 8a0-8bd fb50-fbb1 fbd3-fd3d fd50-fdc7 "
    "fdf0-fdfb fe70-fefc 1ee00-1eebb d80-dff 900-97f b80-bff c00-c7f c80-cff ac00-d7af 1100-11ff 3040-30ff "
    "3400-4dbf 4e00-9fff 20000-2ebef 2e80-2eff 2f00-2fdf 2ff0-303f 31c0-31ef 3200-33ff f900-faff fe30-fe4f "
    "1f200-1f2ff 2f800-2fa1f"
)

NO_WORD_MARKS = string.punctuation + "—”％１〈、━【「」，】；：“《„’∶´．（–？！～«〉》）。…►»"
"""With control characters and what ends a sentence, all that datatrove calls a symbol."""
CONTROLS = [chr(code) for code in (*range(9), 11, 12, *range(13, 32), *range(127, 160))]

CHINESE_BULLETS = "•-·●○◆◇■□▪▶►※*－—～★☆→"
CHINESE_SENTENCE_ENDS = "。！？!?…｡"
"""Not the full stop of Latin, which stands in numbers and names."""
CHINESE_CLOSING = "。！？…｡.!?\"'”’」』＂"
"""What ends a line of prose, inside or outside of speech."""
CHINESE_LINE_STOPS = "。！？…｡.!?；;”」』"
"""As above; the quotation mark stands behind the full stop, and FineWeb asks for the last character only."""


@lru_cache(maxsize=1)
def spaced_table() -> Table:
    """For texts whose words stand apart by blanks."""
    table = character_table().copy()
    for ranges, with_case in ((CASED_RANGES, True), (UNCASED_RANGES, False)):
        for first, last in parse_ranges(ranges):
            part = table[first : last + 1]
            small, capital = ((part & LOWER) > 0, (part & UPPER) > 0) if with_case else (True, True)
            part |= (ALPHABETIC + SMALL * np.asarray(small) + CAPITAL * np.asarray(capital)).astype(np.uint32)
    icons = (table & OTHER_SYMBOL) > 0
    table[icons] |= np.uint32(ICON | PREFIX | SUFFIX | NOTABLE)
    add(table, AFFIX_DIGIT, string.digits)
    add(table, QUOTE, QUOTES)
    add(table, PREFIX, MARKS + QUOTES + CURRENCIES + ALONE_IN_FRONT)
    add(table, SUFFIX, MARKS + QUOTES + ALONE_BEHIND)
    add(table, BEFORE_FULL_STOP, string.digits + "%²-+|" + MARKS + QUOTES)
    table[(table & SMALL) > 0] |= np.uint32(BEFORE_FULL_STOP)
    table[0xA1:0x1_0000] |= np.uint32(HOST)
    add(table, HOST, string.ascii_letters + string.digits)
    table[(table & LETTER) > 0] |= np.uint32(WORD)
    add(table, WORD, [chr(code) for code in range(0x1_0000) if chr(code).isnumeric()] + ["_"])
    add(table, NOTABLE, MARKS + QUOTES + CURRENCIES + ALONE_IN_FRONT + ELSEWHERE)
    table[(table & SENTENCE_END) > 0] |= np.uint32(NO_WORD | LINE_STOP)
    add(table, NO_WORD, [*NO_WORD_MARKS, *CONTROLS])
    add(table, BULLET, "•-")
    add(table, CLOSING, ".?!\"'")
    return table


@lru_cache(maxsize=1)
def chinese_table() -> Table:
    """For Chinese texts."""
    table = character_table().copy()
    table &= np.uint32(~SENTENCE_END & 0xFFFF_FFFF)
    table[(table & (PUNCTUATION | SYMBOL)) > 0] |= np.uint32(NO_WORD)
    add(table, NO_WORD, CONTROLS)
    add(table, SENTENCE_END, CHINESE_SENTENCE_ENDS)
    add(table, BULLET, CHINESE_BULLETS)
    add(table, CLOSING, CHINESE_CLOSING)
    add(table, LINE_STOP, CHINESE_LINE_STOPS)
    return table
