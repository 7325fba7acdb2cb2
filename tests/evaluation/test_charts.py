"""Ticks are round and enclose the data; pictures are well-formed whatever the names and numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.evaluation.charts import MOST_BARS, difference_chart, interval_chart, nice_ticks
from danlu.evaluation.results import ModelResult
from danlu.evaluation.scoring import Scores


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_enclose_the_range_evenly(low: float, width: float) -> None:
    ticks = nice_ticks(low, low + width)
    assert 2 <= len(ticks) <= 9
    assert ticks[0] <= low + 1e-6 * max(1, abs(low), width)
    assert ticks[-1] >= low + width - 1e-6 * max(1, abs(low), width)
    steps = np.diff(ticks)
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3)


def test_known_ticks() -> None:
    assert nice_ticks(1.53, 1.97) == [1.5, 1.6, 1.7, 1.8, 1.9, 2.0]


def test_names_are_escaped_in_pictures() -> None:
    model = ModelResult("<script>", "a", Scores(np.array([2.0]), np.array([1])), (1.9, 2.1))
    picture = ElementTree.fromstring(interval_chart([model]))
    assert "<script>" in [text.text for text in picture.iter("text")]


@pytest.mark.parametrize("count", [1, 7, 5000])
def test_each_row_or_group_has_a_bar(count: int) -> None:
    differences = np.random.default_rng(0).normal(size=count)
    picture = ElementTree.fromstring(difference_chart([str(i) for i in range(count)], differences))
    bars = list(picture.iter("rect"))
    assert len(bars) == min(count, MOST_BARS)
    assert all(float(bar.attrib["height"]) > 0 for bar in bars)
