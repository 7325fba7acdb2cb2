"""Each optimizer's steps against its formula, written out in numpy's float64, one weight tensor at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import TypeAdapter

from danlu.errors import UserError
from danlu.training.optimizer import MAKERS, make_optimizer, state_bytes
from danlu.training.optimizers.settings import OptimizerSettings

Array = npt.NDArray[np.float64]
ADAPTER: TypeAdapter[OptimizerSettings] = TypeAdapter(OptimizerSettings)
RATE, DECAY, STEPS = 0.01, 0.1, 6


def run(kind: str, **changes: Any) -> list[Array]:
    """A matrix and a vector after some steps with given gradients."""
    settings = ADAPTER.validate_python({"kind": kind, "learning_rate": RATE, "weight_decay": DECAY, **changes})
    weights = [torch.nn.Parameter(torch.from_numpy(start).float()) for start in starts()]
    groups = [
        {"params": [weight], "lr": RATE, "weight_decay": settings.weight_decay if weight.ndim == 2 else 0.0}
        for weight in weights
    ]
    optimizer = MAKERS[kind](groups, settings)
    for step in range(STEPS):
        for weight, gradient in zip(weights, gradients(step), strict=True):
            weight.grad = torch.from_numpy(gradient).float()
        optimizer.step()
    if kind == "schedule_free_adamw":
        optimizer.eval()  # type: ignore[attr-defined]
    return [weight.detach().double().numpy() for weight in weights]


def starts() -> list[Array]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=(5, 7)), generator.normal(size=9)]


def gradients(step: int) -> list[Array]:
    generator = np.random.default_rng(100 + step)
    return [(1 + step) * generator.normal(size=(5, 7)), (1 + step) * generator.normal(size=9)]


def cases() -> Iterator[tuple[int, Array, list[Array], float]]:
    """(which, its start, its gradients, its weight decay): vectors are not decayed."""
    for which, start in enumerate(starts()):
        yield which, start, [gradients(step)[which] for step in range(STEPS)], DECAY if start.ndim == 2 else 0.0


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd(momentum: float, nesterov: bool) -> None:
    got = run("sgd", momentum=momentum, nesterov=nesterov)
    for which, weight, steps, decay in cases():
        velocity = np.zeros_like(weight)
        for gradient in steps:
            gradient = gradient + decay * weight
            velocity = momentum * velocity + gradient
            weight = weight - RATE * (gradient + momentum * velocity if nesterov else velocity)
        np.testing.assert_allclose(got[which], weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("momentum", "centered"), [(0.0, False), (0.9, False), (0.9, True)])
def test_rmsprop(momentum: float, centered: bool) -> None:
    got = run("rmsprop", smoothing=0.8, momentum=momentum, centered=centered)
    for which, weight, steps, decay in cases():
        square, mean, velocity = (np.zeros_like(weight) for _ in range(3))
        for gradient in steps:
            gradient = gradient + decay * weight
            square = 0.8 * square + 0.2 * gradient**2
            mean = 0.8 * mean + 0.2 * gradient
            spread = square - mean**2 if centered else square
            velocity = momentum * velocity + gradient / (np.sqrt(spread) + 1e-8)
            weight = weight - RATE * velocity
        np.testing.assert_allclose(got[which], weight, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_adam_and_adamw(kind: str) -> None:
    got = run(kind, beta1=0.8, beta2=0.95)
    for which, weight, steps, decay in cases():
        first, second = np.zeros_like(weight), np.zeros_like(weight)
        for number, gradient in enumerate(steps, start=1):
            if kind == "adam":
                gradient = gradient + decay * weight
            else:
                weight = weight * (1 - RATE * decay)
            first = 0.8 * first + 0.2 * gradient
            second = 0.95 * second + 0.05 * gradient**2
            weight = weight - RATE * (first / (1 - 0.8**number)) / (np.sqrt(second / (1 - 0.95**number)) + 1e-8)
        np.testing.assert_allclose(got[which], weight, rtol=1e-5, atol=1e-5)


def test_adafactor() -> None:
    got = run("adafactor", clipping_threshold=1.2)
    num_clipped = 0
    for which, weight, steps, decay in cases():
        rows = columns = whole = 0.0
        for number, gradient in enumerate(steps, start=1):
            new = number**-0.8
            scale = max(1e-3, root_mean_square(weight)) * min(RATE, 1 / math.sqrt(number))
            weight = weight * (1 - RATE * decay)
            if gradient.ndim == 2:
                rows = (1 - new) * rows + new * (gradient**2).mean(axis=1, keepdims=True)
                columns = (1 - new) * columns + new * (gradient**2).mean(axis=0, keepdims=True)
                second = rows * columns / np.mean(rows)
            else:
                second = whole = (1 - new) * whole + new * gradient**2
            update = gradient / np.sqrt(second)
            num_clipped += root_mean_square(update) > 1.2
            weight = weight - scale * update / max(1.0, root_mean_square(update) / 1.2)
        np.testing.assert_allclose(got[which], weight, rtol=1e-5, atol=1e-5)
    assert num_clipped


def test_lamb() -> None:
    got = run("lamb", beta1=0.8, beta2=0.95)
    for which, weight, steps, decay in cases():
        first, second = np.zeros_like(weight), np.zeros_like(weight)
        for gradient in steps:
            first = 0.8 * first + 0.2 * gradient
            second = 0.95 * second + 0.05 * gradient**2
            update = first / (np.sqrt(second) + 1e-6) + decay * weight
            trust = min(10.0, float(np.linalg.norm(weight))) / float(np.linalg.norm(update))
            weight = weight - RATE * trust * update
        np.testing.assert_allclose(got[which], weight, rtol=1e-5, atol=1e-5)


def test_lion() -> None:
    got = run("lion", beta1=0.8, beta2=0.95)
    for which, weight, steps, decay in cases():
        momentum = np.zeros_like(weight)
        for gradient in steps:
            step = np.sign(0.8 * momentum + 0.2 * gradient)
            momentum = 0.95 * momentum + 0.05 * gradient
            weight = weight - RATE * (step + decay * weight)
        np.testing.assert_allclose(got[which], weight, rtol=1e-5, atol=1e-5)


def test_schedule_free_adamw_leaves_the_average() -> None:
    """The paper's algorithm 1: z moves, x is its average, gradients are taken between the two."""
    got = run("schedule_free_adamw", beta1=0.8, beta2=0.95)
    for which, start, steps, decay in cases():
        z = x = y = start
        second = np.zeros_like(start)
        for number, gradient in enumerate(steps, start=1):
            second = 0.95 * second + 0.05 * gradient**2
            z = z - RATE * (gradient / (np.sqrt(second / (1 - 0.95**number)) + 1e-8) + decay * y)
            x = (1 - 1 / number) * x + 1 / number * z
            y = 0.8 * x + 0.2 * z
        np.testing.assert_allclose(got[which], x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scaling", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_muon_moves_along_the_orthogonalised_momentum(scaling: str, shape: tuple[int, int]) -> None:
    """Newton and Schulz bring the singular values near one, no closer than 0.5 to 1.5, in bfloat16."""
    generator = np.random.default_rng(3)
    weight = torch.nn.Parameter(torch.from_numpy(generator.normal(size=shape)).float())
    settings = ADAPTER.validate_python({"kind": "muon", "scaling": scaling, "momentum": 0.9})
    optimizer = MAKERS["muon"]([{"params": [weight], "lr": RATE, "weight_decay": DECAY}], settings)
    momentum = np.zeros(shape)
    for step in range(4):
        before = weight.detach().double().numpy()
        gradient = generator.normal(size=shape)
        momentum = 0.9 * momentum + 0.1 * gradient
        left, _, right = np.linalg.svd(0.1 * gradient + 0.9 * momentum, full_matrices=False)
        weight.grad = torch.from_numpy(gradient).float()
        optimizer.step()
        moved = before * (1 - RATE * DECAY) - weight.detach().double().numpy()
        size = RATE * (math.sqrt(max(1, shape[0] / shape[1])) if scaling == "original" else 0.2 * math.sqrt(6))
        singular = np.diag(left.T @ moved @ right.T) / size
        assert ((singular > 0.5) & (singular < 1.5)).all(), step
        sideways = moved / size - left @ np.diag(singular) @ right
        assert float(np.abs(sideways).max()) < 0.03


def test_muon_leaves_embeddings_head_and_norms_to_adamw(tiny_model: Any) -> None:
    settings = ADAPTER.validate_python(
        {"kind": "muon", "learning_rate": 0.02, "adamw_learning_rate": 0.001, "weight_decay": 0.1}
    )
    optimizer = make_optimizer(tiny_model.train(), settings)
    names = {id(parameter): name for name, parameter in tiny_model.named_parameters()}
    groups = [
        (group["highest_lr"], group["weight_decay"], {names[id(tensor)] for tensor in group["params"]})
        for group in optimizer.param_groups
    ]
    assert [group[:2] for group in groups] == [(0.02, 0.1), (0.001, 0.1), (0.001, 0.0)]
    assert groups[0][2] == {name for name in names.values() if "proj" in name}
    assert groups[1][2] == {"model.embed_tokens.weight", "lm_head.weight"}
    assert all("norm" in name for name in groups[2][2])
    assert len(groups[2][2]) == 5


def root_mean_square(array: Array) -> float:
    return float(np.sqrt((array**2).mean()))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [("sgd", 1), ("rmsprop", 1), ("adam", 2), ("adamw", 2), ("lion", 1), ("lamb", 2), ("schedule_free_adamw", 2)],
)
def test_state_is_measured(tiny_model: Any, kind: str, numbers: int) -> None:
    optimizer = make_optimizer(tiny_model, ADAPTER.validate_python({"kind": kind}))
    assert state_bytes(optimizer) == 0
    for parameter in tiny_model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    num_parameters = tiny_model.num_parameters()
    num_tensors = len(list(tiny_model.parameters()))
    assert 0 <= state_bytes(optimizer) - numbers * 4 * num_parameters <= 32 * num_tensors


def test_the_state_of_adafactor_is_small(tiny_model: Any) -> None:
    optimizer = make_optimizer(tiny_model, ADAPTER.validate_python({"kind": "adafactor"}))
    for parameter in tiny_model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert state_bytes(optimizer) < 0.1 * 4 * tiny_model.num_parameters()


@pytest.mark.skipif(torch.cuda.is_available(), reason="here it would work")
def test_8_bits_need_cuda(tiny_model: Any) -> None:
    with pytest.raises(UserError, match="needs a CUDA device") as caught:
        make_optimizer(tiny_model, ADAPTER.validate_python({"kind": "adamw_8bit"}))
    assert "lion" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "library"),
    [("lion", "pytorch_optimizer"), ("lamb", "pytorch_optimizer"), ("schedule_free_adamw", "schedulefree")],
)
def test_a_missing_library_is_named(tiny_model: Any, monkeypatch: pytest.MonkeyPatch, kind: str, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"needs {library}") as caught:
        make_optimizer(tiny_model, ADAPTER.validate_python({"kind": kind}))
    assert "danlu[optimizers]" in caught.value.hint


def test_every_kind_can_be_made() -> None:
    kinds = set(ADAPTER.json_schema()["discriminator"]["mapping"])
    assert kinds == set(MAKERS)
