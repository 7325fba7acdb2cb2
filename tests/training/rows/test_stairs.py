"""Numbers that change at few places, against a list of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.training.rows.stairs import Stairs


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=5))
def test_like_a_list(stairs: list[tuple[int, int]]) -> None:
    written_out = [height for count, height in stairs[:-1] for _ in range(count)] + [stairs[-1][1]] * 30
    starts = np.cumsum([0, *(count for count, _ in stairs[:-1])])
    short = Stairs(starts, np.array([height for _, height in stairs]))
    assert [short.at(place) for place in range(30)] == written_out[:30]
    assert [short.before(place) for place in range(30)] == [sum(written_out[:place]) for place in range(30)]
    for end in (0, 1, 7, 30):
        assert [height for count, height in short.spans(end) for _ in range(count)] == written_out[:end]


def test_level() -> None:
    assert (Stairs.level(7).at(10**9), Stairs.level(7).before(10**9)) == (7, 7 * 10**9)
