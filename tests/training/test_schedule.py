"""Learning rates against their closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.training.config import ScheduleSettings
from danlu.training.schedule import learning_rate


def rates(num_steps: int, settings: ScheduleSettings) -> list[float]:
    return [learning_rate(step, num_steps=num_steps, highest=1.0, settings=settings) for step in range(num_steps)]


def test_warmup_rises_linearly_and_reaches_the_highest() -> None:
    got = rates(100, ScheduleSettings(warmup_share=0.1))
    assert got[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert max(got) == 1.0


def test_cosine_matches_its_formula() -> None:
    got = rates(50, ScheduleSettings(kind="cosine", warmup_share=0.0, final_share=0.2))
    expected = [0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * step / 50)) for step in range(1, 51)]
    assert got == pytest.approx(expected)


def test_linear_matches_its_formula() -> None:
    got = rates(10, ScheduleSettings(kind="linear", warmup_share=0.0, final_share=0.0))
    assert got == pytest.approx([1 - step / 10 for step in range(1, 11)])


@given(
    num_steps=st.integers(1, 300),
    kind=st.sampled_from(["cosine", "linear", "constant"]),
    warmup=st.floats(0, 0.99),
    final=st.floats(0, 1),
)
def test_always_within_bounds_and_ends_where_it_should(num_steps: int, kind: str, warmup: float, final: float) -> None:
    settings = ScheduleSettings.model_validate({"kind": kind, "warmup_share": warmup, "final_share": final})
    got = rates(num_steps, settings)
    assert all(0 <= rate <= 1 + 1e-12 for rate in got)
    if kind != "constant" and math.ceil(warmup * num_steps) < num_steps:
        assert got[-1] == pytest.approx(final, abs=1e-9)
