"""Text is tidied without losing a character that is one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.corpus.documents.text import lines, paragraphs, tidy


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("a\r\nb\rc\n", "a\nb\nc"),
        ("page\x0cpage\u2028line\x85line", "page\npage\nline\nline"),
        ("e\u0301", "é"),
        ("\ufeffa\x00b\x07c\x7f\x9d", "abc"),
        ("\x1b[1;31m红\x1b[0m\x1b[K字\x1b", "红字"),
        ("\u3000\u3000丹炉\t炼丹  x\n", "丹炉\t炼丹  x"),
        ("ﬁ ① Ａ", "ﬁ ① Ａ"),  # NFC keeps what NFKC would not
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_tidy(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


@given(st.text(st.characters(exclude_categories=["Cc", "Zl", "Zp"], exclude_characters="\ufeff")))
def test_only_control_characters_are_taken_out(text: str) -> None:
    assert tidy(text) == unicodedata.normalize("NFC", text).strip()


@given(st.text())
def test_tidy_text_stays_as_it_is_and_holds_no_control_character(text: str) -> None:
    tidied = tidy(text)
    assert tidy(tidied) == tidied
    assert not [
        character for character in tidied if unicodedata.category(character) == "Cc" and character not in "\n\t"
    ]


def test_pieces() -> None:
    text = tidy("one\r\n two \r\n\r\n \t\r\n\r\nthree\n\nfour\n")
    assert paragraphs(text) == ["one\n two", "three", "four"]
    assert [line for line in lines(text) if line] == ["one", "two", "three", "four"]
    assert lines(text).index("three") == 5
