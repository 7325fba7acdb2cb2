"""The quick way to NFKC gives what unicodedata gives."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.folding import nfkc

TRICKY = "ab Ａ１（，。ﬁ①㎏ｱﾞが が가각ᄀ\u1161\u11a8é\u0301\u0327\u0323Åﷺ\u0915\u093cก\u0e33𝔄𠮷\ud7a3한丹炉"


@given(st.text(st.sampled_from(TRICKY), max_size=12))
@settings(max_examples=500, deadline=None)
def test_tricky_characters(text: str) -> None:
    assert nfkc(text) == unicodedata.normalize("NFKC", text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_characters(text: str) -> None:
    assert nfkc(text) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("before", ["a", "가", "か", "ｶ", "\u0915"])
def test_every_character_alone_and_behind_another(before: str) -> None:
    for code in range(0x10000):
        if not 0xD800 <= code < 0xE000:
            assert nfkc(before + chr(code)) == unicodedata.normalize("NFKC", before + chr(code)), hex(code)
