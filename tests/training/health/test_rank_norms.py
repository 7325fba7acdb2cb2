"""Ranks that hold parts of a model find the norms that one process finds."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest

from ranks import on_ranks


@cache
def alone() -> dict[str, Any]:
    (found,) = on_ranks("ranks_norms:norms_in_layout", 1, {"layout": {}})
    return dict(found)


@pytest.mark.parametrize(
    ("layout", "sees"),
    [({"data": 2}, True), ({"shard": 2}, False), ({"tensor": 2}, False), ({"pipeline": 2}, False)],
    ids=str,
)
def test_norms_are_those_of_one_process(layout: dict[str, int], sees: bool) -> None:
    one, other = on_ranks("ranks_norms:norms_in_layout", 2, {"layout": layout})
    assert one == other
    assert one.pop("sees") == sees
    expected = {name: value for name, value in alone().items() if name != "sees"}
    assert one == pytest.approx(expected, rel=1e-4)
    squares = sum(value**2 for name, value in one.items() if name.startswith("gradient_norm/"))
    assert math.sqrt(squares) == pytest.approx(one["total"], rel=1e-4)
