"""Norms by module against torch's own, whole and from parts that several ranks hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from danlu.training.health.modules import module_of
from danlu.training.health.norms import Norms, some_entries


def with_gradients(model: Any, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return dict(model.named_parameters())


def norm_of(parameters: dict[str, torch.Tensor], module: str, what: str) -> float:
    parts = [parameter.grad if what == "grad" else parameter for name, parameter in parameters.items()
             if module_of(name) == module]  # fmt: skip
    return float(torch.cat([part.detach().double().flatten() for part in parts if part is not None]).norm())


def test_norms_and_update_ratio_are_those_of_torch(tiny_model: Any) -> None:
    parameters = with_gradients(tiny_model)
    total = float(torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters.values()]))
    before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    norms = Norms(parameters)
    found = norms.before_step(total)
    torch.optim.SGD(tiny_model.parameters(), lr=0.1).step()
    found |= norms.after_step()
    modules = {module_of(name) for name in parameters}
    assert {key.partition("/")[2] for key in found} == modules
    for module in modules:
        gradient, weight = (norm_of(parameters, module, what) for what in ("grad", "data"))
        assert found[f"gradient_norm/{module}"] == pytest.approx(gradient, rel=1e-5)
        assert found[f"parameter_norm/{module}"] == pytest.approx(norm_of(before, module, "data"), rel=1e-5)
        assert weight != found[f"parameter_norm/{module}"]
        assert found[f"update_ratio/{module}"] == pytest.approx(
            0.1 * gradient / found[f"parameter_norm/{module}"], rel=1e-3
        )


def test_large_tensors_are_judged_by_some_of_their_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    matrix = torch.nn.Parameter(torch.randn(512, 256))
    matrix.grad = torch.randn(512, 256) * torch.rand(512, 1)
    before = matrix.detach().clone()
    monkeypatch.setattr("danlu.training.health.norms.some_entries", lambda tensor: some_entries(tensor, 8192))
    norms = Norms({"model.layers.0.mlp.up_proj.weight": matrix})
    norms.before_step(1.0)
    torch.optim.SGD([matrix], lr=0.1).step()
    expected = float((matrix.detach() - before).norm() / before.norm())
    assert norms.after_step()["update_ratio/layers.0.mlp"] == pytest.approx(expected, rel=0.03)


def test_some_entries_are_few_and_from_everywhere() -> None:
    matrix = torch.arange(64 * 64).view(64, 64)
    some = some_entries(matrix, 300)
    assert 200 < len(some) <= 300
    assert len(set((some % 64).tolist())) == len(set((some // 64).tolist())) == 64
    assert torch.equal(some_entries(matrix.T, 64 * 64), matrix.T.flatten())


def test_clipped_gradients_are_given_as_they_were(tiny_model: Any) -> None:
    parameters = with_gradients(tiny_model)
    expected = norm_of(parameters, "layers.1.mlp", "grad")
    total = float(torch.nn.utils.clip_grad_norm_(tiny_model.parameters(), 0.01))
    found = Norms(parameters).before_step(total)
    assert found["gradient_norm/layers.1.mlp"] == pytest.approx(expected, rel=1e-4)
    squares = sum(value**2 for name, value in found.items() if name.startswith("gradient_norm/"))
    assert squares == pytest.approx(total**2, rel=1e-4)


def test_ranks_that_hold_halves_find_what_one_finds(tiny_model: Any) -> None:
    parameters = with_gradients(tiny_model)
    whole = Norms(parameters).before_step(1.0)

    halves: list[dict[str, torch.Tensor]] = [{}, {}]
    for name, parameter in parameters.items():
        assert parameter.grad is not None
        parts = zip(parameter.detach().flatten().chunk(2), parameter.grad.flatten().chunk(2), strict=True)
        for half, (part, gradient) in zip(halves, parts, strict=True):
            half[name] = torch.nn.Parameter(part.clone())
            half[name].grad = gradient
    others = iter([_squares(halves[1], "grad"), _squares(halves[1], "data")])

    def with_the_other(numbers: dict[str, float]) -> dict[str, float]:
        other = next(others)
        return {name: value + other[name] for name, value in numbers.items()}

    found = Norms(halves[0], with_the_other).before_step(1.0)
    assert found == pytest.approx(whole, rel=1e-5)


def test_what_is_not_finite_is_counted_where_it_is(tiny_model: Any) -> None:
    parameters = with_gradients(tiny_model)
    gradient = parameters["model.layers.1.mlp.up_proj.weight"].grad
    assert gradient is not None
    gradient[0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    counts = Norms(parameters).non_finite()
    assert {module: count for module, count in counts.items() if count} == {"layers.1.mlp": 3.0}


def _squares(parameters: dict[str, torch.Tensor], what: str) -> dict[str, float]:
    found = {}
    for name, parameter in parameters.items():
        part = parameter.grad if what == "grad" else parameter.detach()
        assert part is not None
        found[name] = float(part.double().square().sum())
    return found
