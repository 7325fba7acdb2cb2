"""Copies edited until they are about as similar as the threshold: a small edition of ``make bench-dedup``."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

pytest.importorskip("numba")

from benchmarks.dedup_planting import EDITS, Planted, comparable, plant, similar_pairs, to_leave_out
from plain_near import found_near

THRESHOLD = 0.8
Draw = Callable[[random.Random], str]


def english(rng: random.Random) -> str:
    letters = "etaoinshrdlucmfw"
    words = ["".join(rng.choices(letters, weights=range(16, 0, -1), k=rng.randint(2, 8))) for _ in range(40)]
    return " ".join(rng.choices(words, k=rng.choice([25, 50, 100]))) + "."


def chinese(rng: random.Random) -> str:
    characters = [chr(rng.randrange(0x4E00, 0x5000)) for _ in range(60)]
    return "".join(rng.choices([*characters, "，", "。"], k=rng.choice([60, 150, 400])))


def planted(draw: Draw, wanted: float, seed: int) -> list[Planted]:
    rng = random.Random(seed)
    found = []
    for number in range(5 * len(EDITS)):
        kind = list(EDITS)[number % len(EDITS)]
        found.append(plant(draw(rng), draw(rng), kind, "", wanted, "character 5-grams", seed + number))
    return [each for each in found if each is not None]


@pytest.mark.parametrize("draw", [english, chinese])
def test_recall_and_precision_around_the_threshold(draw: Draw) -> None:
    copies = [each for place, wanted in enumerate((0.74, 0.78, 0.8, 0.84)) for each in planted(draw, wanted, place)]
    texts = [*(each.original for each in copies), *(each.copy for each in copies)]
    pairs = similar_pairs(texts, THRESHOLD)
    true = to_leave_out(len(texts), pairs)
    found = {row: (first, similarity) for row, first, similarity in found_near([*map(comparable, texts)], THRESHOLD)}
    assert len(true) > 20
    assert len(copies) - len(true) > 20
    assert len(true & found.keys()) >= 0.98 * len(true)
    assert len(true & found.keys()) >= 0.95 * len(found)
    assert all(pairs[first, row] == pytest.approx(similarity) for row, (first, similarity) in found.items())
    at_threshold = [len(copies) + place for place, each in enumerate(copies) if each.wanted == THRESHOLD]
    assert all(row in found for row in at_threshold)
