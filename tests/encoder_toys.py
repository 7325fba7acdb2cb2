"""A tiny encoder, and documents for it, for tests that need some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from danlu.artifacts.tokens import TokenStore
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.frame import Frame
from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS
from danlu.models.masking import MaskVocabulary
from danlu.models.tasks import Task, auto_class, with_classes
from danlu.tokens.vocabulary.build import build_tokenizer
from danlu.tokens.vocabulary.config import EncoderTokens

VOCABULARY = 60
PADDING, BEGIN, END, MASK = range(4)
"""Ids of the special tokens."""
FRAME = Frame([BEGIN], [END])
CLASSES = ["song", "tang", "yuan"]


def mask_vocabulary(size: int = VOCABULARY) -> MaskVocabulary:
    return MaskVocabulary(MASK, np.arange(size) > MASK)


def make_documents(lengths: list[int], *, seed: int = 0) -> TokenStore:
    """Documents of random tokens with their frame in the lengths, words of one to three tokens, and classes."""
    generator = np.random.default_rng(seed)
    offsets = np.cumsum([0, *lengths])
    ids = generator.integers(MASK + 1, VOCABULARY, offsets[-1], dtype=np.uint16)
    ids[offsets[:-1]], ids[offsets[1:] - 1] = BEGIN, END
    starts = generator.random(len(ids)) < 0.6
    starts[offsets[:-1]] = True
    starts[ids == END] = True
    starts[1:][ids[:-1] == BEGIN] = True
    labels = generator.integers(0, len(CLASSES), len(lengths), dtype=np.int32)
    return TokenStore([ids], offsets, None, None, word_starts=starts, labels=labels)


def encoder_config(**changes: Any) -> Any:
    from transformers import BertConfig

    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.2,  # wide enough that logits differ visibly
        "pad_token_id": PADDING,
        **with_classes(CLASSES),
    }
    return BertConfig(**{**settings, **changes})


def save_encoder(task: Task, directory: Path) -> None:
    """A directory as transformers reads it, with a tokenizer of bytes."""
    tokenizer = build_tokenizer([], PRE_TOKENIZERS["qwen2"], EncoderTokens(kind="encoder"))
    tokenizer.save_pretrained(directory)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        auto_class(task).from_config(encoder_config(vocab_size=len(tokenizer))).save_pretrained(directory)


def make_encoder(task: Task, *, plain: bool = False) -> Any:
    """With document attention, or as plain transformers has it; the same weights each time."""
    register_document_attention()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        attention = "eager" if plain else DOCUMENT_ATTENTION
        return auto_class(task).from_config(encoder_config(), attn_implementation=attention).eval()
