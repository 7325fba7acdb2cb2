"""Ticks are round and enclose the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.pages.svg import nice_ticks


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
