"""Pictures are well-formed whatever the names and numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from danlu.evaluation.charts import MOST_BARS, difference_chart, interval_chart
from danlu.evaluation.results import ModelResult
from danlu.evaluation.scoring import Scores


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
