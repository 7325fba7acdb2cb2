"""Averages of weights against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from danlu.training.averages import ExponentialAverage, schedule_free_average
from danlu.training.loop import StepReport


def report(step: int) -> StepReport:
    return StepReport(
        step=step, loss=0.0, learning_rate=0.0, gradient_norm=0.0, num_tokens=1, num_targets=1, seconds=1.0
    )


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.99])
def test_exponential_average_matches_its_formula(decay: float) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(21, 4))
    weight = torch.nn.Parameter(torch.from_numpy(values[0]).float())
    average = ExponentialAverage({"weight": weight}, decay)
    expected = values[0]
    for step in range(1, 21):
        weight.data = torch.from_numpy(values[step]).float()
        average.after_step(report(step))
        share = min(decay, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * values[step]
    with average.shown():
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(weight.detach().numpy(), values[20], rtol=1e-6)


def test_what_is_shown_is_taken_back_after_an_error_too() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    average = ExponentialAverage({"weight": weight}, 0.5)
    weight.data = torch.zeros(2)

    def look_and_fail() -> None:
        with average.shown():
            assert weight.tolist() == [1.0, 1.0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_and_fail()
    assert weight.tolist() == [0.0, 0.0]


def test_looking_at_the_schedule_free_average_changes_no_bit() -> None:
    from schedulefree import AdamWScheduleFree

    def trained(looks: bool) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(50, generator=generator))
        optimizer = AdamWScheduleFree([weight], lr=0.01)
        optimizer.train()
        for step in range(20):
            weight.grad = torch.randn(50, generator=generator)
            optimizer.step()
            if looks:
                before = weight.detach().clone()
                with schedule_free_average(optimizer, [weight]):
                    assert torch.equal(weight, before) == (step == 0)  # the average of one
        return weight.detach()

    assert torch.equal(trained(looks=True), trained(looks=False))
