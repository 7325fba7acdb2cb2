"""A row never changes side, shares come out as asked for, and nothing that belongs together is divided."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from danlu.artifacts.splits import SPLITS
from danlu.corpus.splitting.config import SplitConfig
from danlu.corpus.splitting.sides import TEST, TRAIN, VALIDATION, position_of, quotas_of, sides_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
SHARES = st.tuples(st.floats(0, 0.49), st.floats(0, 0.49))


def sides(texts: list[str], config: SplitConfig, classes: list[int] | None = None) -> dict[str, str]:
    """Of different texts."""
    positions = np.array([position_of(config.seed, text) for text in texts], np.uint64)
    numbers = None if classes is None else np.array(classes, np.int64)
    found = sides_of(positions, numbers, np.zeros(len(texts)), config)
    return {text: SPLITS[side] for text, side in zip(texts, found.tolist(), strict=True)}


def by_time(moments: list[float], config: SplitConfig) -> np.ndarray[Any, Any]:
    return sides_of(np.zeros(len(moments), np.uint64), None, np.array(moments, np.float64), config)


@given(st.lists(TEXT, unique=True, max_size=30), st.lists(TEXT, unique=True, max_size=30), st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_other_rows_do_not_matter(texts: list[str], others: list[str], seed: int) -> None:
    for shares in ({"validation": 0.3, "test": 0.3}, {"test": 0.2, "folds": 3, "fold": 1}):
        config = SplitConfig.model_validate({**shares, "seed": seed})
        together = sides(list(dict.fromkeys([*others, *reversed(texts)])), config)
        assert sides(texts, config) == {text: together[text] for text in texts}


def test_a_larger_test_share_only_adds_to_the_test_split() -> None:
    texts = [str(number) for number in range(500)]
    small, large = (sides(texts, SplitConfig(test=share)) for share in (0.1, 0.2))
    assert all(large[text] == "test" for text, side in small.items() if side == "test")


def test_shares_and_seeds() -> None:
    texts = [str(number) for number in range(4000)]
    first, second = (sides(texts, SplitConfig(validation=0.05, test=0.1, seed=seed)) for seed in (1, 2))
    for split, share in (("train", 0.85), ("validation", 0.05), ("test", 0.1)):
        assert list(first.values()).count(split) == pytest.approx(4000 * share, rel=0.2)
    assert first != second


@given(st.lists(st.integers(0, 60), max_size=40), SHARES)
@settings(deadline=None)
def test_shares_are_held_to_one_row_in_each_class_and_in_all(sizes: list[int], shares: tuple[float, float]) -> None:
    test, validation = shares
    quotas = quotas_of(np.array(sizes, np.int64), test, validation)
    wanted = np.array(sizes)[:, None] * np.array([test, validation])
    assert (np.abs(quotas - wanted) < 1 + 1e-9).all()
    assert (quotas >= 0).all()
    assert all(quota < size for quota, size in zip(quotas.sum(axis=1), sizes, strict=True) if size)
    if min(sizes, default=0) >= 2 / (1 - test - validation):  # no class is so small that its last row is spared
        assert (np.abs((quotas - wanted).sum(axis=0)) < 1 + 1e-9).all()


@given(st.lists(st.integers(0, 4), max_size=80), SHARES, st.integers(0, 9), st.randoms())
@settings(deadline=None)
def test_stratified_rows_do_not_depend_on_their_order(
    classes: list[int], shares: tuple[float, float], seed: int, random: Any
) -> None:
    config = SplitConfig(test=shares[0] or 0.1, validation=shares[1], seed=seed, stratified="{topic}")
    texts = [str(number) for number in range(len(classes))]
    found = sides(texts, config, classes)
    order = random.sample(range(len(texts)), len(texts))
    assert sides([texts[row] for row in order], config, [classes[row] for row in order]) == found
    for number, size in Counter(classes).items():
        rows = Counter(found[text] for text, its in zip(texts, classes, strict=True) if its == number)
        assert abs(rows["test"] - config.test * size) < 1 + 1e-9
        assert abs(rows["validation"] - config.validation * size) < 1 + 1e-9
        assert rows["train"] > 0


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=80),
    st.integers(2, 7),
    st.sampled_from([0, 0.2]),
    st.sampled_from(["validation", "test"]),
    st.booleans(),
)
@settings(deadline=None)
def test_folds_are_disjoint_and_cover_all(
    classes: list[int], folds: int, share: float, fold_is: str, stratified: bool
) -> None:
    other = "test" if fold_is == "validation" else "validation"
    texts = [str(number) for number in range(len(classes))]
    asked = {"folds": folds, "fold_is": fold_is, other: share, "stratified": "{topic}" if stratified else None}
    all_sides = [
        sides(texts, SplitConfig.model_validate({**asked, "fold": fold}), classes if stratified else None)
        for fold in range(folds)
    ]
    apart = {text for text in texts if all_sides[0][text] == other}
    assert all({text for text in texts if found[text] == other} == apart for found in all_sides)
    for text in texts:
        assert sum(found[text] == fold_is for found in all_sides) == (text not in apart)
    if stratified:
        for number in set(classes):
            its = [text for text, one in zip(texts, classes, strict=True) if one == number]
            sizes = [sum(found[text] == fold_is for text in its) for found in all_sides]
            assert max(sizes) - min(sizes) <= 1
        sizes = [list(found.values()).count(fold_is) for found in all_sides]
        assert max(sizes) - min(sizes) <= 1


MOMENTS = st.lists(st.one_of(st.integers(-5, 5), st.floats(-1e9, 1e9)), min_size=1, max_size=60)


@given(MOMENTS, SHARES)
@settings(deadline=None)
def test_what_is_held_out_is_newer_than_what_is_learnt_from(moments: list[float], shares: tuple[float, float]) -> None:
    test, validation = shares
    config = SplitConfig(by="time", time="{date}", test=test or 0.1, validation=validation)
    found = by_time(moments, config)
    ordered = [[moment for moment, side in zip(moments, found, strict=True) if side == its] for its in range(3)]
    nonempty = [ordered[side] for side in (TRAIN, VALIDATION, TEST) if ordered[side]]
    for older, newer in pairwise(nonempty):
        assert max(older) < min(newer)
    if len(set(moments)) == len(moments):
        assert abs(len(ordered[TEST]) - config.test * len(moments)) <= 0.5
        assert abs(len(ordered[VALIDATION]) - config.validation * len(moments)) <= 1


def test_ties_go_to_the_side_that_keeps_the_share_nearest() -> None:
    config = SplitConfig(by="time", time="{year}", test=0.2)
    assert by_time([2020] * 5 + [2021] * 4 + [2022], config).tolist() == [TRAIN] * 5 + [TRAIN] * 4 + [TEST]
    assert by_time([2020] * 5 + [2021] * 1 + [2022] * 4, config).tolist() == [TRAIN] * 6 + [TEST] * 4
    assert by_time([2020] * 10, config).tolist() == [TRAIN] * 10


def test_dates() -> None:
    day = 86400.0
    config = SplitConfig(by="time", time="{date}", validation_from="1970-01-02", test_from="1970年1月4日")
    moments = [-day, 0, day - 1, day, 2 * day, 3 * day - 0.5, 3 * day, 9e9]
    assert by_time(moments, config).tolist() == [TRAIN] * 3 + [VALIDATION] * 3 + [TEST] * 2
    only_test = SplitConfig(by="time", time="{date}", test_from="1970-01-02")
    assert by_time([0, day], only_test).tolist() == [TRAIN, TEST]
    only_validation = SplitConfig.model_validate({"by": "time", "time": "{date}", "validation_from": 1971})
    assert by_time([0, 400 * day], only_validation).tolist() == [TRAIN, VALIDATION]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"validation": 0.5, "test": 0.5}, "leave nothing to train on"),
        ({"by": "group", "test": 0.1}, "by: group and group go together"),
        ({"group": "{author}", "test": 0.1}, "by: group and group go together"),
        ({"by": "group", "group": "author", "test": 0.1}, "there is no column in 'author'"),
        ({"by": "group", "group": "{author}"}, "nothing is held out"),
        ({"by": "group", "group": "{author}", "stratified": "label", "test": 0.1}, "stratified goes with by: content"),
        ({"by": "time", "test": 0.1}, "by: time and time go together"),
        ({"by": "time", "time": "{date}", "seed": 1, "test": 0.1}, "seed has no effect with by: time"),
        ({"by": "time", "time": "{date}", "folds": 3}, "folds has no effect with by: time"),
        ({"by": "time", "time": "{date}", "test_from": 2024, "test": 0.1}, "dates .* or shares"),
        ({"by": "time", "time": "{date}", "test_from": "soon"}, "'soon' is no time that is known"),
        (
            {"by": "time", "time": "{date}", "test_from": 2023, "validation_from": "2023-01-01"},
            r"validation_from \(2023-01-01\) is not before test_from \(2023\)",
        ),
        ({"test_from": 2024}, "go with by: time"),
        ({"folds": 5, "fold": 5}, "at most 4 with folds: 5"),
        ({"fold": 1, "test": 0.1}, "fold goes with folds"),
        ({"fold_is": "test", "test": 0.1}, "fold_is goes with folds"),
        ({"folds": 5, "validation": 0.1}, "validation has no effect with folds"),
        ({"stratified": "{topic}"}, "nothing is held out"),
        ({"stratified": "{topic}", "test": 0.1, "keep_together": 0.8}, "do not go together"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        SplitConfig.model_validate(asked)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"validation": 0.1, "seed": 3},
        {"by": "group", "group": {"*/a/*": "a"}, "test": 0.1, "keep_together": 0.8},
        {"by": "time", "time": "{date}", "test_from": 2024},
        {"stratified": "{topic}", "folds": 5, "fold": 2, "fold_is": "test", "validation": 0.1},
    ],
)
def test_settings_that_are_written_out_are_the_same_settings(asked: dict[str, Any]) -> None:
    config = SplitConfig.model_validate(asked)
    assert SplitConfig.model_validate(config.model_dump(mode="json")) == config
