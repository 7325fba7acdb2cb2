"""Word marks: each token is marked by the word its first character belongs to, found the slow way here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rjieba
from hypothesis import given, settings
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from corpus_files import write_corpus
from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.telemetry.reporter import Reporter
from danlu.tokens.corpus import tokenize_corpus
from danlu.tokens.encoder import Encoder
from danlu.tokens.word_starts import word_marker
from vocabulary_texts import LINES, TEXTS


def expected(tokenizer: Any, texts: list[str], words: str) -> list[bool]:
    marks = []
    for text in texts:
        encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
        if words == "chinese":
            owner = [number for number, word in enumerate(rjieba.cut(text)) for _ in word]
            found = [owner[begin] for begin, _ in encoding.offsets]
        else:
            found = [number if number is not None else -1 - place for place, number in enumerate(encoding.word_ids)]
        marks += [place == 0 or found[place] != found[place - 1] for place in range(len(found))]
    return marks


@pytest.mark.parametrize("words", ["chinese", "pre_tokenizer"])
@given(texts=TEXTS)
@settings(deadline=None, max_examples=60)
def test_tokens_are_marked_by_the_word_they_begin_in(tiny_tokenizer: Any, words: Any, texts: list[str]) -> None:
    texts = [text for text in texts if text.strip()]
    ids, offsets = Encoder(tiny_tokenizer, Reporter()).encode(texts)
    marks = word_marker(tiny_tokenizer, words)(texts, ids, offsets)
    assert marks.tolist() == expected(tiny_tokenizer, texts, words)


def test_the_store_keeps_marks_and_labels(tiny_tokenizer: Any, tmp_path: Path) -> None:
    labels = ["tang", "song"] * 4
    write_corpus(tmp_path / "corpus", LINES[:8], labels=labels)
    out = tmp_path / "out"
    out.mkdir()
    facts = tokenize_corpus(
        tiny_tokenizer, tmp_path / "corpus", {}, Reporter(), tmp_path / "kept", out, words="chinese",
        classes=["song", "tang"],
    )  # fmt: skip
    store = TokenStore.open(out, "train")
    assert facts["labels"] == ["song", "tang"]
    assert store.labels is not None
    assert store.labels.tolist() == [["song", "tang"].index(label) for label in labels]
    assert store.word_starts is not None
    framed = [[*expected(tiny_tokenizer, [line], "chinese"), True] for line in LINES[:8]]  # the end is a word
    assert store.word_starts.tolist() == [mark for marks in framed for mark in marks]
    assert (
        len(np.unique([store.fingerprint, TokenStore(store.shards, store.document_offsets, None, None).fingerprint]))
        == 2
    )


def test_tokens_of_unknown_bytes_are_refused() -> None:
    backend = Tokenizer(models.WordLevel({"[UNK]": 0, "床前": 1, "明月": 2}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(UserError, match="needs a byte-level vocabulary"):
        word_marker(PreTrainedTokenizerFast(tokenizer_object=backend), "chinese")
