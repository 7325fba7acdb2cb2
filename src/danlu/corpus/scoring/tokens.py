"""What each character is to the classifier: part of a word, a word by itself (Han, kana, marks), or nothing.

Capitals are taken for small letters, and all digits for 0, so that a number is known by its length.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from danlu.corpus.characters import (
    DIGIT,
    HAN,
    KANA,
    LETTER,
    MARK,
    NUM_CODES,
    PUNCTUATION,
    SYMBOL,
    UPPER,
    character_table,
)

ALONE = 1 << 31
"""Set in the table for what is a word by itself. Zero in the table: no part of a word."""


@cache
def token_table() -> npt.NDArray[np.uint32]:
    """By code point, what it is taken for, with `ALONE` or without; zero between words. It is not to be changed."""
    bits = character_table()
    table = np.where(bits & (LETTER | DIGIT | MARK | PUNCTUATION | SYMBOL), np.arange(NUM_CODES, dtype=np.uint32), 0)
    for code in np.flatnonzero(bits & UPPER):
        small = chr(code).lower()
        table[code] = ord(small) if len(small) == 1 else code
    table[(bits & DIGIT) > 0] = ord("0")
    table[(bits & (HAN | KANA | PUNCTUATION | SYMBOL)) > 0] |= np.uint32(ALONE)
    return table.astype(np.uint32)
