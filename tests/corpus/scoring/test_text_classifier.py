"""The classifier's points beside a regular expression and dictionaries; its measures beside scikit-learn's."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

from danlu.corpus.scoring.classifier import Classifier, train
from danlu.corpus.scoring.features import points_of
from danlu.corpus.scoring.measures import accuracy, area_under_curve

WORD = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W_]+|[^\w\s]|_")
TEXTS = [
    "The furnace, the FURNACE and the fire: 1998 is not 2024 but 12.",
    "炼丹炉里的火已经灭了。the fire is out!",
    "火が消えた the_end",
    "Ёлка и ёлка (café) 3 5",
    "the the the the",
    "?",
]
PROSE = "the fire had gone out and nobody came to light it again because they had all left"
MENU = "home login cart share next previous page contact sitemap 首页 登录 下一页"


def slow_point(text: str, longest: int) -> dict[tuple[str, ...], float]:
    words = [re.sub(r"\d", "0", word.lower()) for word in WORD.findall(text)]
    grams = Counter(
        tuple(words[first : first + length])
        for length in range(1, longest + 1)
        for first in range(len(words) - length + 1)
    )
    values = {gram: 1 + math.log(count) for gram, count in grams.items()}
    norm = math.sqrt(sum(value**2 for value in values.values()))
    return {gram: value / norm for gram, value in values.items()}


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_points_lie_to_each_other_as_those_of_dictionaries(longest: int) -> None:
    """Hashing loses the names of n-grams, and keeps the scalar products."""
    rows, columns, values = points_of(TEXTS, longest, 2**24)
    points = csr_matrix((values, columns, rows), shape=(len(TEXTS), 2**24))
    slow = [slow_point(text, longest) for text in TEXTS]
    expected = [[sum(a[gram] * b.get(gram, 0) for gram in a) for b in slow] for a in slow]
    assert (points @ points.T).toarray() == pytest.approx(np.array(expected), abs=1e-6)


def test_scores_are_those_of_the_linear_model() -> None:
    weights = np.random.default_rng(0).standard_normal(2**12).astype(np.float32)
    rows, columns, values = points_of(TEXTS, 2, 2**12)
    points = csr_matrix((values, columns, rows), shape=(len(TEXTS), 2**12))
    expected = 1 / (1 + np.exp(-(points @ weights + 0.3)))
    model = Classifier(weights, 0.3, 2)
    assert model.score(TEXTS) == pytest.approx(expected, abs=1e-6)
    assert [model.score([text])[0] for text in TEXTS] == model.score(TEXTS).tolist()


def test_it_learns_to_tell_prose_from_menus(tmp_path: Path) -> None:
    chance = random.Random(0)
    prose, menu = PROSE.split(), MENU.split()
    good = [" ".join(chance.choices(prose + menu[:2], k=20)) for _ in range(60)]
    bad = [" ".join(chance.choices(menu + prose[:2], k=20)) for _ in range(30)]
    train(good[:40], bad[:20], 2, 2**14, 10.0).save(tmp_path)
    model = Classifier.load(tmp_path)
    of_good, of_bad = model.score(good[40:]), model.score(bad[20:])
    assert accuracy(of_good, of_bad)[0] == 1
    assert area_under_curve(of_good, of_bad) == (1, 1, 1)


def test_area_and_its_interval() -> None:
    chance = np.random.default_rng(1)
    good, bad = np.round(chance.normal(1, 1, 80), 1), np.round(chance.normal(0, 1, 50), 1)
    area, low, high = area_under_curve(good, bad)
    assert area == pytest.approx(roc_auc_score([1] * 80 + [0] * 50, [*good, *bad]))
    wins = (good[:, None] > bad) + 0.5 * (good[:, None] == bad)
    variance = wins.mean(1).var(ddof=1) / 80 + wins.mean(0).var(ddof=1) / 50
    assert high - low == pytest.approx(2 * 1.959964 * math.sqrt(variance))
    again = [
        roc_auc_score([1] * 80 + [0] * 50, [*chance.choice(good, 80), *chance.choice(bad, 50)]) for _ in range(400)
    ]
    assert np.percentile(again, [2.5, 97.5]) == pytest.approx([low, high], abs=0.02)


def test_accuracy_has_wilsons_interval() -> None:
    right, low, high = accuracy(np.array([0.9] * 8 + [0.1]), np.array([0.2]))
    assert right == 0.9
    z, n, p = 1.959964, 10, 0.9
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == pytest.approx(
        ((middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)), rel=1e-5
    )
