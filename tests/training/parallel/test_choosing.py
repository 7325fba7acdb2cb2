"""``parallel: auto`` divides the model no more than the memory asks for."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.errors import UserError
from danlu.training.config import TrainConfig
from danlu.training.parallel import choosing
from danlu.training.parallel.choosing import chosen, model_bytes

LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "intermediate_size": 256,
    "hidden_size": 64,
}
MILLION = 10**6


def config(parallel: Any = "auto", **changes: Any) -> TrainConfig:
    plain = {"do": "train", "model": "m", "data": "d", "budget": {"steps": 1}, "precision": "fp32"}
    return TrainConfig.model_validate({**plain, "parallel": parallel, **changes})


def with_memory(monkeypatch: pytest.MonkeyPatch, num_bytes: float) -> None:
    monkeypatch.setattr(choosing, "_memory_of_a_rank", lambda size: (int(num_bytes), "a GPU"))


def test_weights_gradients_and_two_states() -> None:
    assert model_bytes(config(), MILLION, MILLION) == 4 * 4 * MILLION
    assert model_bytes(config(optimizer={"kind": "lion"}), MILLION, MILLION) == 3 * 4 * MILLION
    assert model_bytes(config(adapter={"rank": 4}), MILLION, 10_000) == 4 * MILLION + 4 * 4 * 10_000


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (2.0, {"data": 8}),
        (0.8, {"data": 4, "shard": 2}),
        (0.4, {"data": 2, "shard": 4}),
        (0.2, {"shard": 8}),
    ],
)
def test_divided_as_little_as_the_memory_allows(
    monkeypatch: pytest.MonkeyPatch, room: float, expected: dict[str, int]
) -> None:
    with_memory(monkeypatch, room * 16 * MILLION)
    layout, why = chosen(config(), LLAMA, MILLION, MILLION, 8)
    assert {name: size for name, size in layout.sizes.items() if size > 1} == expected
    assert why is not None
    assert why.startswith(f"parallel: auto chose {layout.describe()}: each process holds ")


def test_what_fits_nowhere_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with_memory(monkeypatch, MILLION)
    with pytest.raises(UserError, match="found no layout of 8 processes"):
        chosen(config(), LLAMA, MILLION, MILLION, 8)


def test_what_the_recipe_says_stays() -> None:
    layout, why = chosen(config({"tensor": 2}), LLAMA, MILLION, MILLION, None)
    assert layout.tensor == 2
    assert why is None


@pytest.mark.parametrize("parallel", [{"auto": True, "data": 2}, {"processes": 2}, "automatic", {"data": 0}])
def test_settings_that_cannot_be(parallel: Any) -> None:
    with pytest.raises(ValueError, match="parallel"):
        config(parallel)
