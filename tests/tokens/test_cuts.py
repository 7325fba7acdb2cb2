"""Cuts are ends of words by the rules themselves, and never lie within what merging may give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS, build
from danlu.tokens.cuts import Cuts, is_closed_letter, token_cuts, word_cuts
from vocabulary_texts import ANY, MIXED


def places(cuts: Cuts, text: str) -> list[int]:
    """Where a text would be cut, by character."""
    codes = np.array([ord(character) for character in text], np.intp)
    return [int(place) + 1 for place in np.flatnonzero(cuts.between(codes))] if text else []


def word_ends(splitter: Any, text: str) -> set[int]:
    return {end for _, (_, end) in splitter.pre_tokenize_str(text)}


@pytest.mark.parametrize("name", ["gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35"])
@given(text=MIXED | ANY)
@settings(deadline=None, max_examples=150)
def test_words_are_the_same_in_pieces(name: str, text: str) -> None:
    splitter = build(PRE_TOKENIZERS[name])
    cuts = places(word_cuts(), text)
    ends = word_ends(splitter, text)
    for cut in cuts:
        between_letters = is_closed_letter(text[cut - 1]) and is_closed_letter(text[cut])
        assert (cut in ends) == (not between_letters)
    found = set()
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found |= {begin + each for each in word_ends(splitter, text[begin:end])}
    assert found - set(cuts) == ends - set(cuts)


TOKENS = ["明月", "月光", "，花", "a明"]


def bytes_joined(tokens: list[bytes], text: str, place: int) -> bool:
    """Whether any token stands somewhere in the text across a place, by trying all."""
    data = text.encode()
    at = len(text[:place].encode())
    for token in tokens:
        for begin in range(max(0, at - len(token) + 1), at):
            if data[begin : begin + len(token)] == token and begin + len(token) > at:
                return True
    return False


# Whole characters, and tokens that begin or end within one.
JOINING = [
    *(token.encode() for token in TOKENS),
    "光地".encode()[2:4],
    "霜春".encode()[:4],
    "，鳥".encode()[1:5],
    "上".encode()[1:] + "風".encode(),
    b"\x82\xe9",
]


@pytest.fixture(scope="module")
def cuts_around_tokens() -> tuple[Cuts, Cuts]:
    return token_cuts(JOINING), token_cuts(JOINING, within_words=False)


@given(text=MIXED | ANY)
@settings(deadline=None, max_examples=300)
def test_no_token_reaches_over_a_cut_within_a_word(cuts_around_tokens: tuple[Cuts, Cuts], text: str) -> None:
    cuts = places(cuts_around_tokens[0], text)
    for cut in cuts:
        if is_closed_letter(text[cut]):
            assert not bytes_joined(JOINING, text, cut)
    assert places(cuts_around_tokens[1], text) == [cut for cut in cuts if not is_closed_letter(text[cut])]


def test_letters_that_no_token_joins_are_cut_apart() -> None:
    cuts = token_cuts([b"ab", "明月".encode()])
    assert places(cuts, "明月光，地 上") == [2, 3, 4, 5]
    assert places(word_cuts(), "明月光，地 上") == [1, 2, 3, 5]


def test_letters_are_letters_of_the_rules() -> None:
    """Every closed letter is a letter for the regular expressions, and its bytes are three."""
    from tokenizers import Regex, pre_tokenizers

    letters = "".join(chr(code) for code in range(0x3000, 0xE000) if code < 0xD800 and is_closed_letter(chr(code)))
    assert len(letters.encode()) == 3 * len(letters)
    splitter = pre_tokenizers.Split(Regex(r"\p{L}+"), behavior="isolated")
    assert [word for word, _ in splitter.pre_tokenize_str(letters)] == [letters]
