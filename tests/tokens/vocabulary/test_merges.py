"""Both trainers learn what counting by hand learns, ties included, whatever the text."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS, build
from danlu.tokens.byte_letters import BYTE_LETTERS
from danlu.tokens.vocabulary import merges as module
from danlu.tokens.vocabulary.merges import Merges, train_fast, train_merges, train_slowly
from vocabulary_texts import LINES, MIXED, TEXTS

RULES = ["gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35"]


def by_hand(texts: list[str], num_new_tokens: int, name: str) -> Merges:
    """Count all pairs anew for each merge. Of equally frequent pairs the one with the lower ids is merged."""
    splitter = build(PRE_TOKENIZERS[name])
    words = Counter(tuple(word) for text in texts for word, _ in splitter.pre_tokenize_str(text))
    ids = {letter: index for index, letter in enumerate(sorted(BYTE_LETTERS))}
    merges: Merges = []
    while len(ids) < 256 + num_new_tokens:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        merged: Counter[tuple[str, ...]] = Counter()
        for word, count in words.items():
            merged[apply(word, best)] += count
        words = merged
    return merges


def apply(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    result: list[str] = []
    place = 0
    while place < len(word):
        if word[place : place + 2] == pair:
            result.append("".join(pair))
            place += 2
        else:
            result.append(word[place])
            place += 1
    return tuple(result)


@pytest.mark.parametrize("name", ["gpt-2", "qwen2"])
def test_library_learns_what_counting_learns(name: str) -> None:
    assert train_slowly(LINES, 120, PRE_TOKENIZERS[name]) == by_hand(LINES, 120, name)


@pytest.mark.parametrize("name", RULES)
@given(texts=TEXTS, num_new_tokens=st.integers(0, 60))
@settings(deadline=None, max_examples=25)
def test_both_trainers_learn_the_same(name: str, texts: list[str], num_new_tokens: int) -> None:
    pytest.importorskip("gigabpe")
    texts = [*texts, *texts[::2]]  # some pairs are more frequent than others, many are equally so
    entry = PRE_TOKENIZERS[name]
    batches = [texts[:3], texts[3:]]
    assert train_fast(batches, num_new_tokens, entry) == train_slowly(texts, num_new_tokens, entry)


@given(parts=st.lists(MIXED, min_size=20, max_size=40))
@settings(deadline=None, max_examples=5)
def test_larger_vocabularies_are_the_same(parts: list[str]) -> None:
    pytest.importorskip("gigabpe")
    texts, entry = [*LINES, *parts], PRE_TOKENIZERS["qwen2"]
    assert train_fast([texts], 400, entry) == train_slowly(texts, 400, entry)


def test_all_of_the_text_is_learnt_from(reporter: Any) -> None:
    pytest.importorskip("gigabpe")
    entry = PRE_TOKENIZERS["qwen2"]
    learnt = train_merges(lambda: iter([LINES[:4], LINES[4:]]), 200, entry, reporter)
    assert learnt == train_slowly(LINES, 200, entry)
    assert not reporter.events


def test_library_trains_where_the_faster_trainer_is_missing(reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_fast_trainer", lambda: False)
    entry = PRE_TOKENIZERS["qwen2"]
    learnt = train_merges(lambda: iter([LINES]), 100, entry, reporter)
    assert learnt == train_slowly(LINES, 100, entry)
    assert "gigabpe is not installed" in reporter.events[0]["message"]


def test_library_trains_where_the_faster_trainer_differs(reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gigabpe")
    monkeypatch.setattr(module, "train_fast", lambda batches, count, entry: [("a", "b")])
    entry = PRE_TOKENIZERS["qwen2"]
    learnt = train_merges(lambda: iter([LINES]), 100, entry, reporter)
    assert learnt == train_slowly(LINES, 100, entry)
    assert len(reporter.warnings) == 1
