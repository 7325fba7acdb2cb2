"""The cost at full depth, found from shallow copies, against what the allocator gives out for the whole model."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig, LlamaForCausalLM

from danlu.models.adapters import add_lora
from danlu.models.probe import config_from, measure_cost, shallow_model

CONFIG = LlamaConfig(
    vocab_size=400,
    hidden_size=64,
    intermediate_size=160,
    num_hidden_layers=16,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=512,
)
IDS = torch.arange(256).view(2, 128)


def loss_of(model: Any) -> torch.Tensor:
    loss: torch.Tensor = model(input_ids=IDS, labels=IDS, use_cache=False).loss
    return loss


def whole(attention: str, num_layers: int) -> Any:
    return shallow_model(CONFIG, num_layers, dtype=torch.float32, attention=attention).train()


def adapted(attention: str, num_layers: int) -> Any:
    model = whole(attention, num_layers)
    return add_lora(model, rank=4, alpha=8, dropout=0.0, targets="all-linear", seed=0).train()


def bytes_left_by_a_forward_pass(model: Any) -> int:
    """Memory handed out minus memory taken back during a forward pass: what it keeps for the backward pass."""
    loss_of(model).backward()  # tables that are made once
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        loss = loss_of(model)
    assert loss.requires_grad
    return sum(event.self_cpu_memory_usage for event in profiled.key_averages())


@pytest.mark.parametrize("make", [whole, adapted])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_activations_at_full_depth(make: Callable[[str, int], Any], attention: str) -> None:
    depths = []

    def make_model(num_layers: int) -> Any:
        depths.append(num_layers)
        return make(attention, num_layers)

    def step(model: Any) -> None:
        loss_of(model).backward()

    cost = measure_cost(CONFIG, make_model, step, step, weights=lambda model: model.parameters())
    measured = bytes_left_by_a_forward_pass(make(attention, CONFIG.num_hidden_layers))
    assert cost.activation_bytes == pytest.approx(measured, rel=0.05)
    assert cost.seconds >= 0
    assert max(depths) < CONFIG.num_hidden_layers / 2


class Tower(torch.nn.Module):
    """Layers whose kept bytes can be counted by hand: each squares 1,000 numbers."""

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1000))
        self.other = torch.nn.Parameter(torch.ones(1000))
        self.num_layers = num_layers

    def forward(self) -> torch.Tensor:
        # Keeps both factors, but they are weights.
        x = self.scale * self.other
        for _ in range(self.num_layers):
            # Keeps both factors, which are one buffer seen twice, once through a view.
            x = x * x.view(10, 100).view(1000)
        return x.sum()


@pytest.mark.parametrize("num_hidden_layers", [1, 2, 40])
def test_each_buffer_counts_once_and_weights_do_not_count(num_hidden_layers: int) -> None:
    config = LlamaConfig(num_hidden_layers=num_hidden_layers)
    cost = measure_cost(config, Tower, Tower.forward, lambda tower: tower().backward(), Tower.parameters)
    assert cost.activation_bytes == num_hidden_layers * 1000 * 4


def test_shallow_model_is_the_same_but_for_its_depth() -> None:
    settings = CONFIG.to_dict()
    config = config_from(settings)
    shallow = shallow_model(config, 3, dtype=torch.bfloat16, attention="eager")
    assert isinstance(shallow, LlamaForCausalLM)
    assert config.to_dict() == settings, "the whole model's config is left alone"
    expected = {
        name: tuple(weight.shape)
        for name, weight in LlamaForCausalLM(CONFIG).state_dict().items()
        if not name.startswith(tuple(f"model.layers.{layer}." for layer in range(3, 16)))
    }
    assert {name: tuple(weight.shape) for name, weight in shallow.state_dict().items()} == expected
    assert {weight.dtype for weight in shallow.parameters()} == {torch.bfloat16}
    assert shallow.config._attn_implementation == "eager"


def test_shallow_model_of_alternating_layers() -> None:
    from transformers import Qwen2Config

    kinds = ["sliding_attention", "full_attention"] * 4
    config = Qwen2Config(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=8, num_attention_heads=2,
        num_key_value_heads=2, layer_types=kinds, use_sliding_window=True, sliding_window=4,
    )  # fmt: skip
    shallow = shallow_model(config_from(config.to_dict()), 3, dtype=torch.float32, attention="sdpa")
    assert shallow.config.layer_types == kinds[:3]
    assert shallow(input_ids=torch.arange(9).view(1, 9)).logits.shape == (1, 9, 50)


def test_a_model_of_few_layers_is_probed_with_more_of_the_same_kind() -> None:
    settings = {"model_type": "qwen3", "num_hidden_layers": 2, "hidden_size": 32, "head_dim": 8, "vocab_size": 50}
    config = config_from({**settings, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48})
    model = shallow_model(config, 6, dtype=torch.float32, attention="eager")
    assert len(model.model.layers) == 6
    assert model(torch.zeros(1, 3, dtype=torch.int64)).logits.shape == (1, 3, 50)
