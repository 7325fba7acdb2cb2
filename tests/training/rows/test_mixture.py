"""Mixtures: proportions within any stretch, every source whole and in its own order, no place depending on another."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import corpus, counted

from danlu.training.batches import BatchStream
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.mixture import Deal, MixedRows
from danlu.training.rows.packed import PackedRows
from danlu.training.rows.stairs import Stairs
from packed_rows import make_store

WEIGHTS = st.lists(st.floats(0.01, 100), min_size=2, max_size=6)


@settings(deadline=None)
@given(weights=WEIGHTS, seed=st.integers(0, 5), first=st.integers(0, 10**7), number=st.integers(0, 10**5))
def test_proportions_hold_within_any_stretch(weights: list[float], seed: int, first: int, number: int) -> None:
    before, after = Deal(weights, seed).counts(np.array([first, first + number])).T
    assert (after - before).sum() == number
    shares = np.array(weights) / sum(weights)
    off = np.abs((after - before) - number * shares)
    assert off[0] < 1 + 1e-2  # shares are rounded to 2^-30, which a stretch of 10^5 does not see
    # Each source is off by less than one of its own and its part of what the ones before it are off by.
    assert np.all(off < 1 + 1e-2 + np.cumsum(1 / np.arange(1, len(weights) + 1)))


@settings(deadline=None)
@given(weights=WEIGHTS, seed=st.integers(0, 3), start=st.integers(0, 10**6))
def test_each_place_has_one_source_which_counts_on(weights: list[float], seed: int, start: int) -> None:
    deal = Deal(weights, seed)
    counts = deal.counts(np.arange(start, start + 50))
    assert deal.counts(np.array([0])).max() == 0
    for place in range(49):
        source, its_place = deal.source_of(start + place)
        expected = counts[:, place].copy()
        assert its_place == expected[source]
        expected[source] += 1
        assert counts[:, place + 1].tolist() == expected.tolist()


def test_far_out_it_is_still_exact() -> None:
    before, after = Deal([0.7, 0.3], 0).counts(np.array([2**33 - 1000, 2**33])).T
    assert (after - before).tolist() in ([700, 300], [701, 299], [699, 301])


def mixed(seed: int = 0, length: int | Stairs = 5) -> MixedRows:
    sources = {
        "poems": ContiguousRows(corpus([3, 7, 2, 9, 1]), length, seed),
        "prose": ContiguousRows(corpus([8, 8, 4]), length, seed + 1),
        "talk": PackedRows(make_store([[5, 3], [8], [2, 2, 4]]), seed + 2),
    }
    return MixedRows(sources, Deal([0.5, 0.3, 0.2], seed))


@settings(deadline=None)
@given(st.permutations(range(40)))
def test_rows_are_the_same_in_whatever_order_they_are_asked_for(places: list[int]) -> None:
    straight, other = mixed(), mixed()
    expected = [straight.row(place).input_ids.tolist() for place in range(40)]
    assert {place: other.row(place).input_ids.tolist() for place in places} == dict(enumerate(expected))


def test_each_source_keeps_its_own_sequence() -> None:
    rows = mixed()
    dealt: dict[int, list[list[int]]] = {0: [], 1: [], 2: []}
    for place in range(60):
        dealt[rows.deal.source_of(place)[0]].append(rows.row(place).input_ids.tolist())
    assert Counter({source: len(found) for source, found in dealt.items()}) == Counter({0: 30, 1: 18, 2: 12})
    for source, found in dealt.items():
        assert found == [rows.sources[source].row(place).input_ids.tolist() for place in range(len(found))]


@pytest.mark.parametrize("num_rows", [0, 1, 7, 40])
def test_tokens_are_counted(num_rows: int) -> None:
    rows = mixed()
    assert rows.num_tokens(num_rows) == counted(rows, num_rows).num_tokens == sum(rows.tokens_by_source(num_rows))
    assert rows.workload(num_rows).num_tokens == rows.num_tokens(num_rows)
    assert rows.epoch_tokens == 22 + 20 + 24
    assert "poems: tokens 0 to" in rows.names(np.arange(20))


@settings(deadline=None)
@given(at_once=st.integers(1, 9), step=st.integers(0, 30))
def test_rows_at_once_change_nothing(at_once: int, step: int) -> None:
    whole = BatchStream(mixed(), rows_per_batch=7, rows_at_once=7).at(step)
    parts = BatchStream(mixed(), rows_per_batch=7, rows_at_once=at_once).at(step)
    (one,) = whole.micro_batches
    ids = [micro.input_ids[0, : micro.num_tokens] for micro in parts.micro_batches]
    assert np.concatenate(ids).tolist() == one.input_ids[0, : one.num_tokens].tolist()
    assert (parts.num_targets, parts.num_tokens) == (whole.num_targets, whole.num_tokens)
