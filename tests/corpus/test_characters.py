"""The table of characters against Python's own methods of str, for every code point."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable

import numpy as np
import pytest

from danlu.corpus.characters import (
    DIGIT,
    HAN,
    HANGUL,
    KANA,
    LETTER,
    LINE_END,
    LOWER,
    MARK,
    NUM_CODES,
    PUNCTUATION,
    SENTENCE_END,
    SPACE,
    SYMBOL,
    UPPER,
    character_table,
    parse_ranges,
)


@pytest.mark.parametrize(
    ("bit", "belongs"),
    [
        (LETTER, str.isalpha),
        (SPACE, str.isspace),
        (DIGIT, str.isdecimal),
        (LINE_END, lambda character: character.splitlines() == [""]),
        (UPPER, lambda character: unicodedata.category(character) == "Lu"),
        (LOWER, lambda character: unicodedata.category(character) == "Ll"),
        (PUNCTUATION, lambda character: unicodedata.category(character)[0] == "P"),
        (SYMBOL, lambda character: unicodedata.category(character)[0] == "S"),
        (MARK, lambda character: unicodedata.category(character)[0] == "M"),
    ],
)
def test_bits_are_what_python_says(bit: int, belongs: Callable[[str], bool]) -> None:
    expected = np.fromiter((belongs(chr(code)) for code in range(sys.maxunicode + 1)), bool, sys.maxunicode + 1)
    assert np.array_equal((character_table() & bit) > 0, expected)


def test_scripts() -> None:
    table = character_table()
    assert len(table) == NUM_CODES
    for bit, characters, others in (
        (HAN, "丹爐々〇㐀𠀀豈", "あア한aА。"),
        (KANA, "あアーｱ", "丹한a。"),
        (HANGUL, "한ㄱᄀ", "丹あa"),
        (SENTENCE_END, ".!?。！？｡؟।", ",;:…、"),
    ):
        assert all(table[ord(character)] & bit for character in characters)
        assert not any(table[ord(character)] & bit for character in others)
    # What has a name and is called a Chinese character is one.
    named = [code for code in range(0x3400, 0x3_4000) if unicodedata.name(chr(code), "").startswith("CJK UNI")]
    assert all(table[code] & HAN for code in named)


def test_ranges() -> None:
    assert parse_ranges("21 61d-61f") == [(0x21, 0x21), (0x61D, 0x61F)]
