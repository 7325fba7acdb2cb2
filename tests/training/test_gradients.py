"""Penalties and clipping against autograd and torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from danlu.training.gradients import finish_gradients
from danlu.training.settings import RegularisationSettings


def parameters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.nn.Parameter(torch.randn(*shape, generator=generator)) for shape in ((4, 5), (6,), (3, 2))]
    for parameter in made:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return made


def finish(trained: list[torch.nn.Parameter], **changes: Any) -> float:
    plain = {"max_norm": 1e9, "max_value": None, "regularisation": RegularisationSettings()}
    return finish_gradients(trained, **{**plain, **changes})


def test_penalties_are_those_of_the_loss_and_spare_vectors() -> None:
    trained, reference = parameters(), parameters()
    finish(trained, regularisation=RegularisationSettings(l1=0.3, l2=0.7))
    matrices = [parameter for parameter in reference if parameter.ndim == 2]
    sum((0.3 * matrix.abs().sum() + 0.35 * matrix.square().sum() for matrix in matrices), torch.zeros(())).backward()
    for one, other in zip(trained, reference, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("max_value", [None, 0.4])
def test_clips_by_value_and_then_by_norm(max_value: float | None) -> None:
    trained, reference = parameters(), parameters()
    norm = finish(trained, max_norm=1.0, max_value=max_value)
    flat = torch.cat([parameter.grad.flatten() for parameter in reference if parameter.grad is not None])
    if max_value is not None:
        flat = flat.clamp(-max_value, max_value)
    assert norm == pytest.approx(float(flat.norm()))
    got = torch.cat([parameter.grad.flatten() for parameter in trained if parameter.grad is not None])
    torch.testing.assert_close(got, flat / flat.norm(), rtol=1e-4, atol=1e-6)


def test_without_settings_it_is_torchs_clipping_to_the_bit() -> None:
    trained, reference = parameters(), parameters()
    assert finish(trained, max_norm=0.5) == float(torch.nn.utils.clip_grad_norm_(reference, 0.5))
    assert all(torch.equal(one.grad, other.grad) for one, other in zip(trained, reference, strict=True))  # type: ignore[arg-type]
