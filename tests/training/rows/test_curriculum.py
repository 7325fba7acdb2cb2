"""Curricula: nothing comes before its time, everything once an epoch, the score as counted by hand."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rows_by_hand import corpus

from danlu.training.rows import curriculum
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.curriculum import competence, paced, scores_of
from danlu.training.rows.packed import PackedRows
from danlu.training.settings import CurriculumSettings
from packed_rows import make_store

SETTINGS = st.builds(
    CurriculumSettings,
    order=st.sampled_from(["ascending", "descending"]),
    start=st.floats(0, 1),
    over=st.floats(0.01, 1),
    pacing=st.sampled_from(["root", "linear"]),
    epochs=st.integers(1, 3),
)


@examples(deadline=None)
@given(scores=st.lists(st.floats(-5, 5), min_size=1, max_size=300), settings=SETTINGS, seed=st.integers(0, 3))
def test_everything_once_and_nothing_before_its_time(
    scores: list[float], settings: CurriculumSettings, seed: int
) -> None:
    order = paced(seed, np.array(scores), settings)
    count = len(scores)
    by_score = sorted(
        range(count), key=lambda index: scores[index] if settings.order == "ascending" else -scores[index]
    )
    rank = {index: place for place, index in enumerate(by_score)}
    for epoch in range(settings.epochs + 1):
        epoch_order = order(epoch).tolist()
        assert sorted(epoch_order) == list(range(count))
        if epoch == settings.epochs:
            break
        for place, index in enumerate(epoch_order):
            block_end = next(end for begin, end in curriculum._blocks(count) if begin <= place < end)
            allowed = max(block_end, math.ceil(competence(settings, place / count) * count))
            assert rank[index] < allowed
    assert paced(seed, np.array(scores), settings)(0).tolist() == order(0).tolist()


def test_competence_is_that_of_the_paper() -> None:
    """Platanios et al. 2019, equations 6 and 7 with T = 0.5."""
    root, linear = (CurriculumSettings(start=0.1, over=0.5, pacing=pacing) for pacing in ("root", "linear"))
    for time in np.linspace(0, 1, 11):
        assert competence(root, time) == pytest.approx(min(1, math.sqrt(time * (1 - 0.01) / 0.5 + 0.01)))
        assert competence(linear, time) == pytest.approx(min(1, time * 0.9 / 0.5 + 0.1))


def test_pools_are_drawn_from_at_random() -> None:
    """With everything allowed from the beginning, any document may stand anywhere."""
    scores = np.arange(64.0)
    first = Counter(int(paced(seed, scores, CurriculumSettings(start=1.0))(0)[0]) for seed in range(640))
    assert len(first) > 60
    assert max(first.values()) < 40


def test_the_mean_hardness_grows() -> None:
    scores = np.random.default_rng(0).normal(size=5000)
    easy_first = scores[paced(0, scores, CurriculumSettings())(0)]
    quarters = [float(part.mean()) for part in np.split(easy_first, 4)]
    assert quarters == sorted(quarters)
    hard_first = scores[paced(0, scores, CurriculumSettings(order="descending"))(0)]
    assert hard_first[:1000].mean() > 0.5 > easy_first[:1000].mean() + 0.8


@pytest.mark.parametrize("chunk", [3, 1000])
def test_rarity_is_the_mean_surprise_of_the_tokens(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curriculum, "CHUNK_TOKENS", chunk)
    store = make_store([[5, 3], [8], [2, 2, 4], [7], [6, 2]], vocabulary=6)
    ids = store.shards[0].tolist()
    often = Counter(ids)
    surprise = {token: -math.log(count / len(ids)) for token, count in often.items()}
    borders = store.document_offsets.tolist()
    documents = [ids[begin:end] for begin, end in pairwise(borders)]
    by_hand = [sum(surprise[token] for token in document) / len(document) for document in documents]
    settings = CurriculumSettings(by="rarity")
    assert scores_of(replace(store, row_offsets=None), settings) == pytest.approx(by_hand)
    rows = [by_hand[:2], by_hand[2:3], by_hand[3:6], by_hand[6:7], by_hand[7:]]
    assert scores_of(store, settings) == pytest.approx([sum(row) / len(row) for row in rows])


def test_length_counts_tokens() -> None:
    store = corpus([3, 9, 4])
    assert scores_of(store, CurriculumSettings()).tolist() == [3, 9, 4]


@examples(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=30), settings=SETTINGS, places=st.permutations(range(12))
)
def test_rows_by_curriculum_are_the_same_in_whatever_order_they_are_asked_for(
    lengths: list[int], settings: CurriculumSettings, places: list[int]
) -> None:
    store = corpus(lengths)
    packed = make_store([[length] for length in lengths])

    def rows() -> list[Any]:
        return [
            ContiguousRows(store, 5, 0, order=paced(0, scores_of(store, settings), settings)),
            PackedRows(packed, 0, paced(0, scores_of(packed, settings), settings)),
        ]

    for straight, other in zip(rows(), rows(), strict=True):
        expected = {place: straight.row(place).input_ids.tolist() for place in range(12)}
        assert {place: other.row(place).input_ids.tolist() for place in places} == expected
