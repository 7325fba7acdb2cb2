"""Where text may be cut so that the words of its parts are the words of the whole, wherever else the parts stand.

The rules of `danlu.models.gguf.pre_tokenizers` end a word at certain neighbours whatever stands around them: a blank
behind something visible, and anything but a letter or mark behind a letter. Chinese, Japanese and Korean letters follow
each other in one long word, most of which occur once; between two of them no word ever ends, so text can be cut there
too, as long as it is remembered that the word goes on.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

CLOSED_LETTERS = ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x3400, 0x4DB5), (0x4E00, 0x9FEF), (0xAC00, 0xD7A3))
"""First and last code point of kana, Chinese characters and Hangul: letters in every version of Unicode since 11, and
part of no contraction."""

NUM_CODE_POINTS = 0x110000
NUM_CODE_POINTS_TOLD_APART = 0x10000
"""Beyond these nothing is cut."""

# What each code point is, as bits. A stop ends a word of letters: punctuation, symbols, blanks, numbers, control codes.
_VISIBLE, _CLOSED, _STOP, _BLANK = 1, 2, 4, 8


def may_cut(codes: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether text may be cut in front of each code point but the first; shape (len(codes) - 1,)."""
    kinds = _kinds().take(codes)
    left, right = kinds[:-1], kinds[1:]
    behind_letter = ((left & _CLOSED) != 0) & ((right & (_CLOSED | _STOP)) != 0)
    before_blank = ((left & _VISIBLE) != 0) & ((right & _BLANK) != 0)
    cuts: npt.NDArray[np.bool_] = behind_letter | before_blank
    return cuts


def is_closed_letter(character: str) -> bool:
    """Whether a character belongs to `CLOSED_LETTERS`."""
    return any(first <= ord(character) <= last for first, last in CLOSED_LETTERS)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(NUM_CODE_POINTS, np.uint8)
    for code in range(NUM_CODE_POINTS_TOLD_APART):
        category = unicodedata.category(chr(code))
        if category != "Cs" and not chr(code).isspace():
            kinds[code] |= _VISIBLE
        if category[0] in "PSZN" or category == "Cc":
            kinds[code] |= _STOP
    for first, last in CLOSED_LETTERS:
        kinds[first : last + 1] |= _CLOSED
    kinds[ord(" ")] |= _BLANK
    return kinds
