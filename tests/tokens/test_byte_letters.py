"""The letters of bytes are those of the tokenizers library."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from danlu.tokens.byte_letters import BYTE_LETTERS, letters_to_bytes


def test_alphabet_is_that_of_the_tokenizers_library() -> None:
    from tokenizers import pre_tokenizers

    assert sorted(BYTE_LETTERS) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert len(set(BYTE_LETTERS)) == 256


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_text_comes_back(text: str) -> None:
    from tokenizers import pre_tokenizers

    ((letters, _),) = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    assert letters == "".join(BYTE_LETTERS[byte] for byte in text.encode())
    assert letters_to_bytes(letters) == text.encode()


def test_other_tokens_have_no_bytes() -> None:
    assert letters_to_bytes("明") is None
    assert letters_to_bytes("") == b""
