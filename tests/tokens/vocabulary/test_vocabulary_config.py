"""Settings that make no sense are refused with what would."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from danlu.tokens.vocabulary.config import SpecialTokens, TrainTokenizerConfig


def config(**settings: Any) -> TrainTokenizerConfig:
    return TrainTokenizerConfig.model_validate({"do": "train_tokenizer", "data": "poems", **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary_size": 259}, "259 is less than the 256 bytes and 4 special tokens .* set it to 260 or more"),
        ({"vocabulary_size": 260, "special_tokens": {"more": ["<x>"]}}, "set it to 261 or more"),
        ({"pre_tokenizer": "qwen"}, "'qwen' is no pre-tokenizer that llama.cpp knows"),
        ({"special_tokens": {"more": ["<|im_end|>"]}}, "is named twice"),
        ({"special_tokens": {"more": [""]}}, "is no special token"),
        ({"special_tokens": {"begin_of_text": "丹"}}, "is no special token"),
        ({"special_tokens": {"mask": "[MASK]"}}, "Extra inputs"),
        ({"special_tokens": {"kind": "encoder", "mask": "[SEP]"}}, "is named twice"),
        ({"algorithm": "unigram"}, "Input should be 'bpe'"),
        ({"sample_characters": 0}, "greater than or equal to 1"),
        ({"vocab_size": 4}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**settings)


def test_the_smallest_vocabulary_is_bytes_and_special_tokens() -> None:
    assert config(vocabulary_size=260).num_new_tokens == 0


def test_special_tokens_keep_their_order() -> None:
    tokens = SpecialTokens(more=("<tool>",))
    assert tokens.all == ["<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>", "<tool>"]
