"""Whatever the layout, the same training: losses and gradient norms as on one process."""

from __future__ import annotations

from typing import Any

import pytest
from layout_training import train_in_layout

from ranks import on_ranks

PAIRS = [
    {one: 2, other: 2}
    for place, one in enumerate(("data", "shard", "tensor", "pipeline", "context"))
    for other in ("data", "shard", "tensor", "pipeline", "context")[place + 1 :]
]
SINGLE = [{name: 2} for name in ("data", "shard", "tensor", "pipeline", "context")]
INTERLEAVED = {"pipeline": 2, "schedule": "interleaved", "chunks": 2}


def agree(layout: dict[str, Any], tolerance: float = 1e-5, **settings: Any) -> None:
    size = 1
    for name, number in layout.items():
        size *= number if name not in ("schedule", "chunks") else 1
    alone = train_in_layout(0, 1, layout={}, **settings)
    together = on_ranks("layout_training:train_in_layout", size, {"layout": layout, **settings})
    for found in together:
        assert found["losses"] == pytest.approx(alone["losses"], rel=tolerance)
        assert found["norms"] == pytest.approx(alone["norms"], rel=10 * tolerance)
        assert found["validation"] == pytest.approx(alone["validation"], rel=tolerance)


@pytest.mark.parametrize("layout", [*SINGLE, INTERLEAVED], ids=str)
def test_two_processes_train_as_one(layout: dict[str, Any]) -> None:
    agree(layout)


@pytest.mark.parametrize("layout", PAIRS, ids=str)
def test_layouts_can_be_combined(layout: dict[str, Any]) -> None:
    agree(layout, changes={"tie_word_embeddings": True}, rows=5)
