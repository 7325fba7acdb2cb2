"""Token ids are those of the tokenizers library, whatever the text; where that cannot be, the library does the work."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS, build
from danlu.telemetry.reporter import Reporter
from danlu.tokens import lookup
from danlu.tokens.encoder import SEPARATOR, Encoder
from vocabulary_texts import LINES, SPECIAL, TEXTS

RULES = ["gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35"]


@cache
def train(name: str, size: int = 700) -> Any:
    """A transformers tokenizer with these rules, trained by the tokenizers library."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    entry = PRE_TOKENIZERS[name]
    backend = Tokenizer(models.BPE(ignore_merges=entry.ignore_merges))
    backend.pre_tokenizer = build(entry)
    backend.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([*LINES, *(line[::-1] for line in LINES)], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@cache
def experienced(name: str, size: int) -> Encoder:
    """An encoder that has been compared with the library already and knows some pieces."""
    encoder = Encoder(train(name, size), Reporter())
    encoder.encode(LINES)
    return encoder


def assert_same(encoder: Encoder, tokenizer: Any, texts: list[str]) -> None:
    ids, offsets = encoder.encode(texts)
    expected = [tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    assert (ids.dtype, offsets.dtype, len(offsets)) == (np.int32, np.int64, len(texts) + 1)
    assert [ids[begin:end].tolist() for begin, end in pairwise(offsets)] == expected


@pytest.mark.parametrize("size", [300, 700])
@pytest.mark.parametrize("name", RULES)
@given(texts=TEXTS)
@settings(deadline=None, max_examples=50)
def test_ids_are_those_of_the_tokenizers_library(name: str, size: int, texts: list[str]) -> None:
    encoder = experienced(name, size)
    assert encoder._lookup is not None
    assert_same(encoder, train(name, size), texts)


@pytest.mark.parametrize("name", RULES)
def test_known_pieces_serve_later_texts(name: str, reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "CHARACTERS_PER_BLOCK", 64)
    tokenizer, encoder = train(name), Encoder(train(name), reporter)
    generator = np.random.default_rng(5)
    text = "".join(LINES)
    for _ in range(20):
        begins = generator.integers(0, len(text), 30)
        assert_same(
            encoder, tokenizer, [text[begin : begin + size] for begin, size in zip(begins, range(30), strict=True)]
        )
    assert encoder._lookup is not None
    assert not reporter.warnings


def test_forgetting_changes_nothing(reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "CHARACTERS_PER_BLOCK", 16)
    monkeypatch.setattr(lookup, "MOST_PIECES", 10)
    monkeypatch.setattr(lookup, "SLOT_BITS", 2)  # nearly every piece meets another one in its slot
    encoder = Encoder(train("qwen2"), reporter)
    for _ in range(3):
        assert_same(encoder, train("qwen2"), LINES)


def test_pieces_repeat_where_words_do_not(reporter: Any) -> None:
    encoder = Encoder(train("qwen2", 300), reporter)
    generator = np.random.default_rng(0)
    letters = list("明月光地上霜春風花鳥")
    texts = ["".join(generator.choice(letters, 20)) for _ in range(500)]
    assert_same(encoder, train("qwen2", 300), texts)
    assert encoder._lookup is not None
    assert len(encoder._lookup._known) < 600  # ten thousand letters, five hundred words


def test_odd_lists_of_texts(reporter: Any) -> None:
    encoder = Encoder(train("qwen2"), reporter)
    for texts in ([], [""], ["", "", "明月", ""], ["\x00", "\x00\x00", "\x00\x00\x00"], [" "], ["明"]):
        assert_same(encoder, train("qwen2"), texts)


def test_a_text_with_the_separator_in_it(reporter: Any) -> None:
    encoder = Encoder(train("qwen2"), reporter)
    assert_same(encoder, train("qwen2"), [*LINES, f"明月{SEPARATOR}光", SEPARATOR])


def test_composing_normaliser_is_kept(reporter: Any) -> None:
    from tokenizers import Tokenizer, normalizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(train("qwen2").backend_tokenizer.to_str())
    backend.normalizer = normalizers.NFC()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    encoder = Encoder(tokenizer, reporter)
    encoder.encode(LINES)
    assert_same(encoder, tokenizer, ["e\u0301 明か\u3099月", "\u1100\u1161\u11a8한\u11a8", "A\u030a \u212b \ufa19明月"])
    assert encoder._lookup is not None


def test_tokens_that_merging_does_not_reach_keep_words_whole(reporter: Any) -> None:
    """With ``ignore_merges`` a whole word may be a token that no merge gives; as a part of a word it is none."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    from danlu.tokens.byte_letters import BYTE_LETTERS

    moon = "".join(BYTE_LETTERS[byte] for byte in "明".encode())
    vocabulary = {token: index for index, token in enumerate([*BYTE_LETTERS, moon])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer = build(PRE_TOKENIZERS["llama-bpe"])
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    encoder = Encoder(tokenizer, reporter)
    assert_same(encoder, tokenizer, ["明", "明明", "光明", "a 明 光。明\n"])
    assert encoder._lookup is not None


@pytest.mark.parametrize("change", ["normalizer", "pre_tokenizer", "added", "kind"])
def test_other_tokenizers_are_left_to_the_library_and_it_is_said(change: str, reporter: Any) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(train("qwen2").backend_tokenizer.to_str())
    match change:
        case "normalizer":
            backend.normalizer = normalizers.Lowercase()
        case "pre_tokenizer":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        case "added":
            backend.add_tokens(["明月光"])
        case "kind":
            backend = Tokenizer(models.WordLevel({"明": 0, "?": 1}, unk_token="?"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    encoder = Encoder(tokenizer, reporter)
    assert_same(encoder, tokenizer, LINES)
    (message,) = [event["message"] for event in reporter.events if event["event"] == "message"]
    assert message.startswith("Text is encoded by the tokenizers library itself, more slowly:")


def test_wrong_pieces_are_noticed_on_the_texts_themselves(reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from danlu.tokens import encoder as module
    from danlu.tokens.cuts import word_cuts

    monkeypatch.setattr(module, "token_cuts", lambda tokens, within_words: word_cuts())  # forgets what tokens join
    encoder = Encoder(train("qwen2"), reporter)
    assert_same(encoder, train("qwen2"), LINES)
    assert encoder._lookup is None
    assert len(reporter.warnings) == 1


def test_truncation_and_padding_of_the_tokenizer_do_not_count(reporter: Any) -> None:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(train("qwen2").backend_tokenizer.to_str())
    backend.enable_truncation(3)
    backend.enable_padding(length=8)
    encoder = Encoder(PreTrainedTokenizerFast(tokenizer_object=backend), reporter)
    assert_same(encoder, train("qwen2"), LINES)
