"""Signatures and sets of shingles: held against their definitions in plain Python, and against classical MinHash."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from plain_near import plain_jaccard, plain_minhash, plain_set, plain_throws

from danlu.corpus.duplicates import signatures
from danlu.corpus.duplicates.shingles import hash_shingles, jaccard, shingle_sets
from danlu.corpus.duplicates.signatures import NUM_PLACES, signatures_of
from danlu.corpus.text_batch import TextBatch

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
ALPHABET = "ab丹炉 "


def sets_of(texts: list[str]) -> list[np.ndarray]:
    hashes, starts = shingle_sets(TextBatch.of(texts))
    return [hashes[starts[row] : starts[row + 1]] for row in range(len(texts))]


@given(TEXT, TEXT)
@settings(deadline=None)
def test_similarity_is_that_of_plain_sets(left: str, right: str) -> None:
    one, other = sets_of([left, right])
    assert len(one) == len(plain_set(left))
    assert jaccard(one, other) == plain_jaccard(plain_set(left), plain_set(right))


@given(st.text(ALPHABET, max_size=80))
@settings(deadline=None)
def test_equal_shingles_have_equal_hashes_wherever_they_stand(text: str) -> None:
    batch = TextBatch.of([text])
    hashes = np.zeros(len(text) + 1, np.uint64)
    number = hash_shingles(batch.codes, 0, len(text), hashes)
    shingles = [text[place : place + 5] for place in range(max(1, len(text) - 4))]
    assert number == len(shingles)
    found: dict[str, set[int]] = {}
    for shingle, value in zip(shingles, hashes.tolist(), strict=False):
        found.setdefault(shingle, set()).add(value)
    assert all(len(values) == 1 for values in found.values())
    assert len(set().union(*found.values())) == len(found)


@given(st.lists(st.text(ALPHABET, max_size=300), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_signatures_follow_their_definition(texts: list[str]) -> None:
    sets = sets_of(texts)
    expected = [plain_throws(each.tolist()) for each in sets]
    assert signatures_of(texts).tolist() == expected


def test_signatures_are_the_same_on_every_machine() -> None:
    found = signatures_of(["丹炉 makes small models", ""])
    assert found[:, :3].tolist() == [[3451281731, 3204947337, 3949718586], [0, 600718449, 286967081]]


@pytest.mark.parametrize(("rows", "characters"), [(3, 10**9), (10**9, 40), (10**9, 1)])
def test_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, rows: int, characters: int) -> None:
    rng = random.Random(3)
    texts = ["".join(rng.choices(ALPHABET, k=rng.randint(0, 50))) for _ in range(40)]
    expected = signatures_of(texts)
    monkeypatch.setattr(signatures, "TEXTS_PER_BLOCK", rows)
    monkeypatch.setattr(signatures, "CHARACTERS_PER_BLOCK", characters)
    assert (signatures_of(texts) == expected).all()
    assert signatures_of([]).shape == (0, NUM_PLACES)


def pairs_with(size: int, shared: int, number: int) -> tuple[list[str], float]:
    """Pairs of texts of random words whose first `shared` of `size` shingles are the same, and nothing else."""
    rng = random.Random(size * 1000 + shared)
    texts = []
    for _ in range(number):
        common = "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(shared + 4))
        for _ in range(2):
            texts.append(common + "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(size - shared)))
    return texts, shared / (2 * size - shared)


@pytest.mark.parametrize("size", [5, 30, 130, 1000])
@pytest.mark.parametrize("share", [0.5, 0.89])
def test_estimates_have_no_bias_and_no_more_variance_than_minhash(size: int, share: float) -> None:
    number = 1500
    texts, true = pairs_with(size, round(size * share), number)
    found = signatures_of(texts)
    estimates = (found[::2] == found[1::2]).mean(axis=1)
    of_minhash = true * (1 - true) / NUM_PLACES
    assert abs(estimates.mean() - true) < 4 * (of_minhash / number) ** 0.5
    # The variance of a variance from n normal samples is 2 / n of its square.
    assert estimates.var() < of_minhash * (1 + 4 * (2 / number) ** 0.5)


@given(st.text("ab丹", min_size=5, max_size=60), st.text("ab丹", min_size=5, max_size=60))
@settings(deadline=None, max_examples=25)
def test_estimates_are_as_near_to_the_truth_as_those_of_minhash(left: str, right: str) -> None:
    true = plain_jaccard(plain_set(left), plain_set(right))
    one, other = signatures_of([left, right])
    mine = float((one == other).mean())
    theirs = np.mean([a == b for a, b in zip(plain_minhash(left, 1), plain_minhash(right, 1), strict=True)])
    bound = 5 * (true * (1 - true) / NUM_PLACES) ** 0.5 + 4 / NUM_PLACES
    assert abs(mine - true) <= bound
    assert abs(theirs - true) <= bound
