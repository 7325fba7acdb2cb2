"""The file of words holds the words of the pre-tokenizer, whatever the text and however it is cut up on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS, build
from danlu.tokens.vocabulary import lookup
from danlu.tokens.vocabulary.words import read_word, write_words
from vocabulary_texts import LINES, TEXTS

RULES = ["gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35"]


def words_of(texts: list[str], name: str) -> list[str]:
    splitter = build(PRE_TOKENIZERS[name])
    return [word for text in texts for word, _ in splitter.pre_tokenize_str(text)]


@pytest.fixture(params=["as it is", "small"])
def limits(request: pytest.FixtureRequest) -> Iterator[None]:
    """With small limits every text is a block of its own, and what is known is forgotten all the time."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "small":
            patch.setattr(lookup, "CHARACTERS_PER_BLOCK", 8)
            patch.setattr(lookup, "MOST_PIECES", 5)
        yield


@pytest.mark.parametrize("name", RULES)
@given(texts=TEXTS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_are_those_of_the_rules(limits: None, tmp_path: Path, name: str, texts: list[str]) -> None:
    texts = [*texts, *LINES[:2], *texts]
    write_words(tmp_path / "words.txt", [texts[:3], [], texts[3:]], PRE_TOKENIZERS[name])
    spelt = (tmp_path / "words.txt").read_text(encoding="utf-8").split()
    assert [read_word(word) for word in spelt] == words_of(texts, name)


def test_pieces_repeat_where_words_do_not() -> None:
    seen: list[str] = []

    def translate(pieces: list[str]) -> tuple[lookup.Values, lookup.Indices]:
        import numpy as np

        seen.extend(pieces)
        return np.zeros(len(pieces), np.uint16), np.ones(len(pieces), np.intp)

    texts = ["明月光地上霜"[begin:] + "花鳥風"[:size] + "，" for begin in range(5) for size in range(3)]
    for _ in lookup.PieceLookup(translate)(texts * 2):
        pass
    assert sorted(seen) == sorted([*"明月光地上霜花鳥", "，"])
