"""Cuts are ends of words by the rules themselves, but those between letters, which never are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS, build
from danlu.tokens.vocabulary.cuts import is_closed_letter, may_cut
from vocabulary_texts import ANY, MIXED


def places(text: str) -> list[int]:
    """Where a text would be cut, by character."""
    codes = np.array([ord(character) for character in text], np.intp)
    return [int(place) + 1 for place in np.flatnonzero(may_cut(codes))] if text else []


def word_ends(splitter: Any, text: str) -> set[int]:
    return {end for _, (_, end) in splitter.pre_tokenize_str(text)}


@pytest.mark.parametrize("name", ["gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35"])
@given(text=MIXED | ANY)
@settings(deadline=None, max_examples=150)
def test_words_are_the_same_in_pieces(name: str, text: str) -> None:
    splitter = build(PRE_TOKENIZERS[name])
    cuts = places(text)
    ends = word_ends(splitter, text)
    for cut in cuts:
        between_letters = is_closed_letter(text[cut - 1]) and is_closed_letter(text[cut])
        assert (cut in ends) == (not between_letters)
    found = set()
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found |= {begin + each for each in word_ends(splitter, text[begin:end])}
    assert found - set(cuts) == ends - set(cuts)


def test_letters_are_cut_apart_and_from_what_follows() -> None:
    assert places("明月光，地 上") == [1, 2, 3, 5]
    assert places("a b, c\n d") == [1, 4]


def test_letters_are_letters_of_the_rules() -> None:
    """Every closed letter is a letter for the regular expressions, and its bytes are three."""
    from tokenizers import Regex, pre_tokenizers

    letters = "".join(chr(code) for code in range(0x3000, 0xE000) if code < 0xD800 and is_closed_letter(chr(code)))
    assert len(letters.encode()) == 3 * len(letters)
    splitter = pre_tokenizers.Split(Regex(r"\p{L}+"), behavior="isolated")
    assert [word for word, _ in splitter.pre_tokenize_str(letters)] == [letters]
