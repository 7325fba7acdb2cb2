"""Near duplicates: what is left out equals a comparison of all pairs over plain Python sets."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from plain_near import found_clusters, found_near, plain_clusters, plain_jaccard, plain_near, plain_set

from danlu.corpus.conversations.conversation import Conversation, Example
from danlu.corpus.duplicates import candidates, groups, signatures
from danlu.corpus.duplicates.bands import MISS_PROBABILITY, num_bands
from danlu.corpus.duplicates.groups import ALONE, shared_keys
from danlu.corpus.duplicates.signatures import NUM_PLACES

TEXT = "the fox went out on a chilly night and prayed to the moon for light 丹炉 炼丹 法国的首都是巴黎"
WORDS = TEXT.split()


def questions(num_first: int = 60, num_changed: int = 120) -> list[str]:
    """Some, and others that come of them by changing a few words."""
    rng = random.Random(5)
    found = [" ".join(rng.choices(WORDS, k=rng.randint(3, 25))) for _ in range(num_first)]
    for _ in range(num_changed):
        words = rng.choice(found).split()
        for _ in range(rng.randint(0, 4)):
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        found.append(" ".join(words))
    return found


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_miss_next_to_nothing(threshold: float) -> None:
    bands = num_bands(threshold)
    width = NUM_PLACES // bands
    assert (1 - threshold**width) ** bands <= MISS_PROBABILITY


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("num_earlier", [0, 70, 180])
def test_what_is_left_out_equals_a_comparison_of_all_pairs(threshold: float, num_earlier: int) -> None:
    texts = questions()
    found = found_near(texts, threshold, num_earlier)
    assert [row for row, _, _ in found] == plain_near(texts, threshold, num_earlier)
    left_out = {row for row, _, _ in found}
    for row, first, similarity in found:
        assert first not in left_out
        assert first < row
        assert similarity == plain_jaccard(plain_set(texts[row]), plain_set(texts[first])) >= threshold


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_how_much_is_held_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch, threshold: float) -> None:
    texts = questions()
    expected = found_near(texts, threshold, 30)
    together = found_clusters(texts, threshold)
    for rows, texts_at_once, pairs in ((1, 1, 1), (7, 3, 5), (64, 10, 100)):
        monkeypatch.setattr(candidates, "ROWS_AT_ONCE", rows)
        monkeypatch.setattr(candidates, "PAIRS_AT_ONCE", pairs)
        monkeypatch.setattr(signatures, "TEXTS_PER_BLOCK", texts_at_once)  # so that what is looked at does not fit
        assert found_near(texts, threshold, 30) == expected
        monkeypatch.setattr(candidates, "TEXTS_PER_BLOCK", texts_at_once)
        assert found_near(texts, threshold, 30) == expected
        assert found_clusters(texts, threshold) == together


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
def test_what_is_together_equals_the_connected_parts_of_all_pairs(threshold: float) -> None:
    texts = questions()
    texts += texts[:20]
    assert found_clusters(texts, threshold) == plain_clusters(texts, threshold)


def test_texts_that_are_alike_through_others_only_are_together() -> None:
    words = [f"{number * 7919:06d}" for number in range(60)]
    chain = [" ".join(words[start : start + 30]) for start in range(0, 30, 3)]
    assert plain_jaccard(plain_set(chain[0]), plain_set(chain[-1])) < 0.2
    assert found_clusters([*chain, *chain[::-1]], 0.7) == {frozenset(range(20))}
    assert len(found_near(chain, 0.7)) < len(chain) - 1


def test_many_copies_of_one_text_name_the_first() -> None:
    texts = [f"{TEXT * 3} {number % 3}" for number in range(300)]
    first, *others = map(plain_set, texts)
    expected = [(row, 0, plain_jaccard(first, other)) for row, other in enumerate(others, start=1)]
    assert found_near(texts, 0.9) == expected


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 9), st.integers(1, 45), st.integers(0, 30))
@settings(deadline=None)
def test_groups_are_texts_with_the_same_key(values: list[int], at_once: int, stretch: int, num_earlier: int) -> None:
    keys = np.array(values, np.uint64)
    takes_part = np.arange(len(values)) % 5 != 4

    def read() -> Iterator[npt.NDArray[np.uint64]]:
        for start in range(0, len(values), stretch):
            yield keys[start : start + stretch]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "TEXTS_AT_ONCE", at_once)
        found, sizes = shared_keys(read, takes_part, num_earlier)
    expected: dict[int, list[int]] = {}
    for row, value in enumerate(values):
        if takes_part[row]:
            expected.setdefault(value, []).append(row)
    wanted = [rows for rows in expected.values() if len(rows) > 1 and rows[-1] >= num_earlier]
    assert sorted(np.flatnonzero(found == group).tolist() for group in range(len(sizes))) == sorted(wanted)
    assert sizes.tolist() == [int((found == group).sum()) for group in range(len(sizes))]
    assert (found == ALONE).sum() == len(values) - sum(map(len, wanted))


def test_shared_system_prompt_makes_nothing_similar() -> None:
    system = {"role": "system", "content": "You are a very careful assistant who answers all questions at length. " * 5}
    rows = [
        Example.of(
            Conversation([system, {"role": "user", "content": content}, {"role": "assistant", "content": "yes"}])
        )
        for content in ("Why is the sky blue?", "Who wrote Faust?")
    ]
    assert found_near([row.comparable for row in rows], 0.5) == []
