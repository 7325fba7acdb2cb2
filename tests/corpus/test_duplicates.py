"""Duplicates: signatures only propose; what is left out equals a comparison of all pairs over plain Python sets."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.conversations.conversation import Conversation, Example
from danlu.corpus.duplicates import exact, near
from danlu.corpus.duplicates.near import (
    MISS_PROBABILITY,
    NUM_HASHES,
    band_keys,
    find,
    jaccard,
    num_bands,
    shingles,
    signatures_of,
    that_share_a_key,
)


def example(question: str, answer: str = "yes", system: str = "") -> Example:
    turns = [("system", system)] * bool(system) + [("user", question), ("assistant", answer)]
    return Example.of(Conversation([{"role": role, "content": content} for role, content in turns]))


def plain_set(text: str) -> set[str]:
    return {text[index : index + 5] for index in range(max(1, len(text) - 4))}


class Texts:
    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._signatures = signatures_of(texts)

    def signature(self, row: int) -> npt.NDArray[np.uint32]:
        return self._signatures[row]

    def comparable(self, row: int) -> str:
        return self._texts[row]

    def keys(self, threshold: float) -> npt.NDArray[np.uint64]:
        return band_keys(self._signatures, threshold)


def repeated(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    similar = Texts(texts)
    keys = similar.keys(threshold)
    suspects = np.flatnonzero(np.any([that_share_a_key(keys[:, band]) for band in range(keys.shape[1])], axis=0))
    return list(find(suspects, keys[suspects], similar, threshold))


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None)
def test_similarity_is_that_of_plain_sets(left: str, right: str) -> None:
    left, right = (text.encode(errors="ignore").decode().replace("\0", "") for text in (left, right))
    one, other = plain_set(left), plain_set(right)
    assert len(shingles(left)) == len(one)
    assert jaccard(shingles(left), shingles(right)) == len(one & other) / len(one | other)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_miss_next_to_nothing(threshold: float) -> None:
    bands = num_bands(threshold)
    width = NUM_HASHES // bands
    assert (1 - threshold**width) ** bands <= MISS_PROBABILITY


TEXT = "the fox went out on a chilly night and prayed to the moon for light 丹炉 炼丹 法国的首都是巴黎"
WORDS = TEXT.split()


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_near_duplicates_equal_a_comparison_of_all_pairs(threshold: float) -> None:
    rng = random.Random(5)
    questions = [" ".join(rng.choices(WORDS, k=rng.randint(3, 25))) for _ in range(60)]
    for _ in range(120):
        words = rng.choice(questions).split()
        for _ in range(rng.randint(0, 4)):
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        questions.append(" ".join(words))
    kept: list[int] = []
    for row, question in enumerate(questions):
        mine = plain_set(question)
        others = (plain_set(questions[other]) for other in kept)
        if not any(len(mine & other) / len(mine | other) >= threshold for other in others):
            kept.append(row)
    found = repeated(questions, threshold)
    assert sorted({*range(len(questions))} - {row for row, _, _ in found}) == kept
    for row, first, similarity in found:
        mine, other = plain_set(questions[row]), plain_set(questions[first])
        assert first in kept
        assert similarity == len(mine & other) / len(mine | other)


@pytest.mark.parametrize(("rows", "characters"), [(3, 10**9), (10**9, 40), (10**9, 1)])
def test_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, rows: int, characters: int) -> None:
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS[:6], k=5)) for _ in range(40)]
    expected = signatures_of(texts)
    monkeypatch.setattr(near, "ROWS_PER_BLOCK", rows)
    monkeypatch.setattr(near, "CHARACTERS_PER_BLOCK", characters)
    assert (signatures_of(texts) == expected).all()
    assert signatures_of([]).shape == (0, NUM_HASHES)


def test_shared_system_prompt_makes_nothing_similar() -> None:
    system = "You are a very careful assistant who answers all questions at length. " * 5
    rows = [example("Why is the sky blue?", system=system), example("Who wrote Faust?", system=system)]
    assert repeated([row.comparable for row in rows], 0.5) == []


def test_exact_duplicates_ignore_width_and_white_space_but_not_case_or_role() -> None:
    one, same, other_case, other_answer = (
        example("Ａ  b\nc"),
        example("A b c"),
        example("a b c"),
        example("A b c", answer="no"),
    )
    assert one.key == same.key
    assert one.id == one.key.hex()[:16]
    assert len({one.key, other_case.key, other_answer.key}) == 3


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(1, 9), st.integers(1, 70))
@settings(deadline=None)
def test_the_first_of_equal_keys_stays(values: list[int], rows_at_once: int, stretch: int) -> None:
    high = np.array([value // 4 for value in values], np.uint64)
    low = np.array([value % 4 for value in values], np.uint64)

    def read() -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
        for start in range(0, len(values), stretch):
            yield high[start : start + stretch], low[start : start + stretch]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ROWS_AT_ONCE", rows_at_once)
        rows, firsts = exact.repeated(read, len(values))
    expected = [(row, values.index(value)) for row, value in enumerate(values) if values.index(value) < row]
    assert list(zip(rows.tolist(), firsts.tolist(), strict=True)) == expected
