"""Names of modules are short and leave nothing out."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.models.adapters import add_lora
from danlu.training.health.modules import layer_of, module_of, sums_by_module, watched_modules


@pytest.mark.parametrize(
    ("name", "module", "layer"),
    [
        ("model.layers.3.self_attn.q_proj.weight", "layers.3.self_attn", "layers.3"),
        ("model.layers.12.mlp.experts.7.up_proj.weight", "layers.12.mlp", "layers.12"),
        ("model.layers.3.input_layernorm.weight", "layers.3.input_layernorm", "layers.3"),
        ("base_model.model.model.layers.0.mlp.up_proj.lora_A.default.weight", "layers.0.mlp", "layers.0"),
        ("model.embed_tokens.weight", "embed_tokens", "embed_tokens"),
        ("lm_head.weight", "lm_head", "lm_head"),
        ("bert.encoder.layer.1.attention.self.query.bias", "encoder.layer.1.attention", "encoder.layer.1"),
        ("bert.embeddings.word_embeddings.weight", "embeddings", "embeddings"),
        ("transformer.h.5.attn.c_attn.weight", "h.5.attn", "h.5"),
    ],
)
def test_names(name: str, module: str, layer: str) -> None:
    assert module_of(name) == module
    assert layer_of(module) == layer


def test_every_parameter_is_in_one_module(tiny_model: Any) -> None:
    sizes = {name: float(parameter.numel()) for name, parameter in tiny_model.named_parameters()}
    assert sum(sums_by_module(sizes).values()) == tiny_model.num_parameters()


@pytest.mark.parametrize("adapted", [False, True])
def test_watched_are_layers_their_parts_and_what_lies_around(tiny_model: Any, adapted: bool) -> None:
    if adapted:
        tiny_model = add_lora(tiny_model, rank=2, alpha=4.0, dropout=0.0, targets="all-linear", seed=0)
    watched = watched_modules(tiny_model)
    parts = [f"layers.{layer}{part}" for layer in (0, 1) for part in ("", ".self_attn", ".mlp")]
    assert set(watched) == {"embed_tokens", "lm_head", *parts}
    base = tiny_model.get_base_model() if adapted else tiny_model
    assert watched["layers.1.mlp"] is base.model.layers[1].mlp
