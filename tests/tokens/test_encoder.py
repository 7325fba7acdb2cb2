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
from danlu.tokens import encoder as module
from danlu.tokens.encoder import Encoder
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
def compared(name: str, size: int) -> Encoder:
    """An encoder that has been compared with the library already."""
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
    pytest.importorskip("fastokens")
    encoder = compared(name, size)
    assert encoder._fast is not None
    assert_same(encoder, train(name, size), texts)


def test_odd_lists_of_texts(reporter: Any) -> None:
    encoder = Encoder(train("qwen2"), reporter)
    for texts in ([], [""], ["", "", "明月", ""], ["\x00", "\x00\x00", "\x00\x00\x00"], [" "], ["明"]):
        assert_same(encoder, train("qwen2"), texts)


def test_composing_normaliser_is_kept(reporter: Any) -> None:
    from tokenizers import Tokenizer, normalizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(train("qwen2").backend_tokenizer.to_str())
    backend.normalizer = normalizers.NFC()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    encoder = Encoder(tokenizer, reporter)
    assert_same(encoder, tokenizer, ["e\u0301 明か\u3099月", "\u1100\u1161\u11a8한\u11a8", "A\u030a \u212b \ufa19明月"])
    assert not reporter.warnings


def test_tokenizer_that_cannot_be_read_is_left_to_the_library(reporter: Any) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    pytest.importorskip("fastokens")
    backend = Tokenizer(models.WordLevel({"明": 0, "?": 1}, unk_token="?"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert_same(Encoder(tokenizer, reporter), tokenizer, LINES)
    (event,) = reporter.events
    assert "fastokens does not read this tokenizer" in event["message"]


def test_library_encodes_where_nothing_faster_is_installed(reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert_same(Encoder(train("qwen2"), reporter), train("qwen2"), LINES)
    (event,) = reporter.events
    assert "fastokens is not installed" in event["message"]


def test_other_ids_are_noticed_on_the_texts_themselves(reporter: Any) -> None:
    pytest.importorskip("fastokens")
    encoder = Encoder(train("qwen2"), reporter)
    encoder._fast = Encoder(train("gpt-2"), reporter)._fast
    assert_same(encoder, train("qwen2"), LINES)
    assert len(reporter.warnings) == 1


def test_truncation_and_padding_of_the_tokenizer_do_not_count(reporter: Any) -> None:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(train("qwen2").backend_tokenizer.to_str())
    backend.enable_truncation(3)
    backend.enable_padding(length=8)
    encoder = Encoder(PreTrainedTokenizerFast(tokenizer_object=backend), reporter)
    assert_same(encoder, train("qwen2"), LINES)
