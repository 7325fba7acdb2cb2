"""Shares of n-grams, against sets of tuples; and near rows, against what was done to them."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.overlap.fuzzy import FuzzyIndex
from danlu.overlap.index import RowIndex
from danlu.overlap.units import Units, blocks, grams

WORDS = ["a", "bb", "ccc", "丹", "炉炼", "D7", "ｅ"]
MARKS = [" ", ", ", "\n", " — ", "。"]
TEXTS = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(MARKS)), max_size=30).map(
    lambda parts: "".join(word + mark for word, mark in parts)
)


def slow_units(text: str) -> list[str]:
    return re.findall(r"[\u4e00-\u9fff]|[a-z0-9]+", text.replace("ｅ", "e").lower())


def slow_grams(units: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(units[place : place + length]) for place in range(len(units) - length + 1)}


def slow_row(row: str, ngram: int) -> set[tuple[str, ...]]:
    units = slow_units(row)
    chinese = 2 * sum("\u4e00" <= unit <= "\u9fff" for unit in units) >= max(1, len(units))
    scale = 1.6 if chinese else 1.0
    lengths = [max(4, round(share * ngram * scale)) for share in (1.0, 0.6, 0.4)]
    length = next((length for length in lengths if length <= len(units)), None)
    return slow_grams(units, length) if length else set()


@settings(deadline=None, max_examples=200)
@given(texts=st.lists(TEXTS, max_size=6))
def test_units_are_words_and_characters_whatever_stands_between(texts: list[str]) -> None:
    units = Units.of(texts)
    assert units.lengths.tolist() == [len(slow_units(text)) for text in texts]
    by_hash: dict[int, str] = {}
    for number, text in enumerate(texts):
        for value, word in zip(units.text(number).tolist(), slow_units(text), strict=True):
            assert by_hash.setdefault(value, word) == word
    assert len(set(by_hash.values())) == len(by_hash)
    hashes, owners, _ = grams(units, 3)
    for number, text in enumerate(texts):
        assert len(set(hashes[owners == number].tolist())) == len(slow_grams(slow_units(text), 3))


@settings(deadline=None, max_examples=200)
@given(rows=st.lists(TEXTS, max_size=8), texts=st.lists(TEXTS, max_size=6), ngram=st.integers(4, 9))
def test_shares_are_those_of_sets(rows: list[str], texts: list[str], ngram: int) -> None:
    wanted = {}
    for row, mine in enumerate(slow_row(each, ngram) for each in rows):
        for number, text in enumerate(texts):
            held = {gram for gram in mine if gram in slow_grams(slow_units(text), len(gram))}
            if held:
                wanted[number, row] = len(held) / len(mine)
    found = RowIndex(rows, ngram).find(Units.of(texts))
    pairs = zip(found.texts.tolist(), found.rows.tolist(), strict=True)
    assert dict(zip(pairs, found.shares.tolist(), strict=True)) == pytest.approx(wanted)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text {number} of some, with its words {number % 7}" for number in range(40)]
    whole = Units.of(texts)
    monkeypatch.setattr("danlu.overlap.units.BLOCK_CHARACTERS", 100)
    parts = list(blocks(texts))
    assert len(parts) > 5
    assert np.concatenate([units.hashes for _, units in parts]).tolist() == whole.hashes.tolist()
    assert [first for first, _ in parts] == np.cumsum([0, *(len(units) for _, units in parts[:-1])]).tolist()
    assert list(blocks([])) == []


def test_a_turn_of_phrase_of_many_rows_does_not_count() -> None:
    rows = [f"answer the following question with one letter number{n} is that right or not" for n in range(20)]
    index = RowIndex(rows, 6)
    assert index.find(Units.of(["Answer the following question with one letter"])).shares.tolist() == []
    assert index.num_grams.min() > 0
    assert RowIndex(["too short"], 13).num_grams.tolist() == [0]


@pytest.mark.parametrize("share_changed", [0.0, 0.05, 0.1])
def test_near_rows_are_found_and_others_are_not(share_changed: float) -> None:
    drawn = random.Random(3)
    vocabulary = [f"word{number}" for number in range(500)]
    rows = [drawn.choices(vocabulary, k=40) for _ in range(30)]
    index = FuzzyIndex([" ".join(row) for row in rows])
    for number, row in enumerate(rows):
        changed = ["other" if drawn.random() < share_changed else word for word in row]
        text = " ".join([*drawn.choices(vocabulary, k=80), *changed, *drawn.choices(vocabulary, k=80)])
        ((best, share),) = sorted(index.find(Units.of([text]))[0], key=lambda look: -look[1])[:1]
        # Chance may add a word that both have before or behind, which makes the stretch longer.
        kept = sum(a == b for a, b in zip(row, changed, strict=True))
        assert best == number
        assert share >= 2 * kept / (80 + 20) - 1e-9
    assert index.find(Units.of([" ".join(drawn.choices(vocabulary, k=400))])) == [[]]
