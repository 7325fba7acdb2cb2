"""When training stops, and which weights stay."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from danlu.training.early_stopping import EarlyStopping
from danlu.training.settings import EarlyStoppingSettings


@given(
    losses=st.lists(st.floats(0, 5), min_size=1, max_size=30), patience=st.integers(1, 4), min_delta=st.floats(0, 0.5)
)
def test_stops_after_so_many_without_improvement_and_keeps_the_best(
    losses: list[float], patience: int, min_delta: float
) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    stopping = EarlyStopping(EarlyStoppingSettings(patience=patience, min_delta=min_delta), {"weight": weight})
    seen = []
    for step, loss in enumerate(losses, start=1):
        weight.data = torch.tensor([float(step)])
        stopping.after_validation(step, loss)
        seen.append(loss)
        if stopping.should_stop():
            break
    best_steps = [1]
    for step, loss in enumerate(seen[1:], start=2):
        if loss < seen[best_steps[-1] - 1] - min_delta:
            best_steps.append(step)
    assert stopping.should_stop() == (len(seen) - best_steps[-1] >= patience)
    assert stopping.best_step == best_steps[-1]
    with stopping.shown():
        assert weight.tolist() == [best_steps[-1]]
    assert weight.tolist() == [len(seen)]


@pytest.mark.parametrize("num_losses", [0, 1, 4])
def test_its_state_moves_over(num_losses: int) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    settings = EarlyStoppingSettings(patience=2)
    stopping = EarlyStopping(settings, {"weight": weight})
    for step in range(1, num_losses + 1):
        stopping.after_validation(step, 1.0 + step)
    other = EarlyStopping(settings, {"weight": torch.nn.Parameter(torch.zeros(3))})
    other.load_state_dict(stopping.state_dict())
    assert other.should_stop() == stopping.should_stop() == (num_losses == 4)
    assert (other.best, other.best_step) == (stopping.best, stopping.best_step)
    assert all(torch.equal(one, two) for one, two in zip(other.best_weights, stopping.best_weights, strict=True))
