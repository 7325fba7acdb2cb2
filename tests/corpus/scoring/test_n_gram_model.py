"""The model of n-grams beside one made of dictionaries, from the definition."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_n_grams import SlowModel

from danlu.corpus.scoring import smoothing
from danlu.corpus.scoring.classifier import Classifier
from danlu.corpus.scoring.n_grams import NGramModel, train
from danlu.corpus.scoring.smoothing import USUAL_DISCOUNTS, discounts
from danlu.errors import UserError

WORDS = ["丹炉", "炼丹", "的", "火", "the", "furnace", "burns", "a", "fire", "of", "金", "and", "水", "in", "old"]


def some_texts(number: int, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(WORDS, k=chance.randrange(1, 40))) for _ in range(number)]


def slow_model(texts: list[str], longest: int, min_count: int) -> SlowModel:
    """With the discounts that the fast one takes, which `test_discounts` looks at."""
    plain = SlowModel(texts, longest, min_count, {})
    taken = {length: discounts(np.array(list(grams.values()), float)) for length, grams in plain.counts.items()}
    return SlowModel(texts, longest, min_count, taken)


@pytest.mark.parametrize(("longest", "min_count"), [(1, 1), (2, 1), (3, 1), (5, 1), (3, 2), (5, 2), (5, 3)])
def test_probabilities_are_those_of_the_definition(longest: int, min_count: int) -> None:
    texts = some_texts(60)
    model, slow = train(texts, longest, min_count), slow_model(texts, longest, min_count)
    for text in [*some_texts(20, seed=1), "炼", "the 龙 of 𠀀 xyz", texts[0]]:
        expected = sum(map(math.log, slow.probabilities(text)))
        assert model.log_likelihoods([text])[0] == pytest.approx(expected, rel=1e-5)
        assert model.score([text])[0] == pytest.approx(math.exp(-expected / len(text)), rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ab丹", min_size=1, max_size=12), min_size=1, max_size=8), st.text("ab丹c", min_size=1, max_size=9)
)
def test_probabilities_of_any_small_corpus(texts: list[str], asked: str) -> None:
    model, slow = train(texts, 3, 2), slow_model(texts, 3, 2)
    assert model.log_likelihoods([asked])[0] == pytest.approx(sum(map(math.log, slow.probabilities(asked))), rel=1e-5)


@pytest.mark.parametrize("context", ["", "th", "the fu", "炉炉炉", "zz"])
def test_probabilities_of_what_may_follow_add_up_to_one(context: str) -> None:
    texts = some_texts(60)
    model = train(texts, 4, 2)
    alphabet = sorted(set("".join(texts)))
    before = model.log_likelihoods([context])[0]
    following = model.log_likelihoods([context + character for character in [*alphabet, "龙"]]) - before
    assert np.exp(following).sum() == pytest.approx(1, abs=1e-5)


def test_discounts() -> None:
    counts = np.repeat([1.0, 2, 3, 4, 9], [100, 40, 20, 10, 3])
    share = 100 / 180
    expected = (1 - 2 * share * 40 / 100, 2 - 3 * share * 20 / 40, 3 - 4 * share * 10 / 20)
    assert discounts(counts) == pytest.approx(expected)
    assert discounts(np.array([1.0, 1, 2])) == USUAL_DISCOUNTS
    assert discounts(np.repeat([1.0, 2, 3, 4], [10, 1, 50, 1])) == USUAL_DISCOUNTS


def test_texts_are_padded_apart() -> None:
    codes = smoothing.padded(["ab", "丹"], 2)
    pad = smoothing.PAD
    assert codes.tolist() == [pad, pad, ord("a"), ord("b"), pad, pad, ord("丹")]


def test_a_text_is_scored_by_itself_and_the_same_when_read_again(tmp_path: Path) -> None:
    texts = some_texts(50)
    model = train(texts, 4, 2)
    model.save(tmp_path)
    as_read = NGramModel.load(tmp_path)
    together = model.score(texts)
    assert np.array_equal(as_read.score(texts), together)
    assert [model.score([text])[0] for text in texts] == together.tolist()
    assert together.mean() < model.score(["".join(reversed(text)) for text in texts]).mean()


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    model = train(some_texts(5), 2, 1)
    full = np.ones_like(model.prints)
    for broken in (replace(model, prints=model.prints[:-1]), replace(model, prints=full)):
        broken.save(tmp_path)
        with pytest.raises(UserError, match=r"n_grams\.safetensors is no table of n-grams"):
            NGramModel.load(tmp_path)
    Classifier(np.zeros(1000, np.float32), 0.0, 2).save(tmp_path)
    with pytest.raises(UserError, match="holds no classifier"):
        Classifier.load(tmp_path)
