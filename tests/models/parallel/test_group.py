"""What ranks tell each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ranks import on_ranks

SHAPES = [(300, 300), (3,), (), (700, 200), (1, 5), (60_000,), (5_000_000,)]


def added_up(rank: int, size: int, memory: str) -> dict[str, Any]:
    """Tensors of many sizes, added up together and one by one."""
    import torch.distributed as dist

    from danlu.models.parallel import shared_sums
    from danlu.models.parallel.group import TALK, Group

    shared_sums.MEMORY = Path(memory)
    generator = torch.Generator().manual_seed(rank)
    tensors = [torch.randn(shape, generator=generator) for shape in SHAPES]
    tensors.append(torch.randn(400, 500, generator=generator).T)
    tensors.append(torch.randn(7, generator=generator).bfloat16())
    expected = [tensor.clone() for tensor in tensors]
    for tensor in expected:
        dist.all_reduce(tensor)
    group = Group(dist.group.WORLD)
    group.sum_many_(tensors)
    close = [torch.allclose(one, two, rtol=1e-5, atol=1e-5) for one, two in zip(tensors, expected, strict=True)]
    return {"close": close, "sums": [float(tensor.double().sum()) for tensor in tensors], "waits": TALK.is_waiting}


@pytest.mark.parametrize("has_memory", [True, False])
def test_many_tensors_are_added_up(tmp_path: Path, has_memory: bool) -> None:
    """Through memory that ranks share, in more than one stretch; and by messages."""
    memory = tmp_path if has_memory else tmp_path / "missing"
    one, two, three = on_ranks("test_group:added_up", 3, {"memory": str(memory)})
    assert all(one["close"]), one["close"]
    assert not one["waits"]
    assert one == two == three
    assert list(tmp_path.iterdir()) == []
