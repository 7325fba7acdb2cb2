"""The letters of bytes are those of the tokenizers library."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from danlu.tokens.vocabulary.byte_letters import BYTE_LETTERS


def test_alphabet_is_that_of_the_tokenizers_library() -> None:
    from tokenizers import pre_tokenizers

    assert sorted(BYTE_LETTERS) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert len(set(BYTE_LETTERS)) == 256


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_text_is_written_in_it(text: str) -> None:
    from tokenizers import pre_tokenizers

    ((letters, _),) = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    assert letters == "".join(BYTE_LETTERS[byte] for byte in text.encode())
