"""Which parameters get which learning rate and weight decay."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from transformers import AutoConfig, AutoModelForCausalLM

from danlu.errors import UserError
from danlu.models.adapters import add_lora
from danlu.training.optimizer import make_optimizer
from danlu.training.optimizers.groups import Outline, check_group_patterns, group_notes, parameter_groups
from danlu.training.optimizers.settings import OptimizerSettings

ADAPTER: TypeAdapter[OptimizerSettings] = TypeAdapter(OptimizerSettings)


def settings(**changes: Any) -> OptimizerSettings:
    return ADAPTER.validate_python({"learning_rate": 1.0, "weight_decay": 0.1, **changes})


def given(model: Any, **changes: Any) -> dict[str, tuple[float, float]]:
    """(highest learning rate, weight decay) of each parameter, as the optimizer has it."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["highest_lr"], group["weight_decay"])
        for group in make_optimizer(model, settings(**changes)).param_groups
        for parameter in group["params"]
    }


def test_every_parameter_is_in_one_group_and_vectors_are_not_decayed(tiny_model: Any) -> None:
    got = given(tiny_model)
    assert got == {
        name: (1.0, 0.1 if parameter.ndim == 2 else 0.0) for name, parameter in tiny_model.named_parameters()
    }


def test_embeddings_can_be_left_undecayed(tiny_model: Any) -> None:
    got = given(tiny_model, decay_embeddings=False)
    assert got["model.embed_tokens.weight"] == (1.0, 0.0)
    assert got["lm_head.weight"] == (1.0, 0.1)


def test_the_first_pattern_that_matches_counts(tiny_model: Any) -> None:
    groups = [
        {"pattern": "*.layers.1.*norm*", "weight_decay": 0.3},
        {"pattern": "*.layers.1.*", "learning_rate_factor": 0.25},
        {"pattern": "*proj*", "learning_rate_factor": 0.5, "weight_decay": 0.0},
    ]
    got = given(tiny_model, groups=groups)
    assert got["model.layers.1.input_layernorm.weight"] == (1.0, 0.3)
    assert got["model.layers.1.mlp.up_proj.weight"] == (0.25, 0.1)
    assert got["model.layers.0.mlp.up_proj.weight"] == (0.5, 0.0)
    assert got["model.layers.0.input_layernorm.weight"] == (1.0, 0.0)


def test_layer_decay_falls_from_the_head_to_the_embeddings(tiny_model: Any) -> None:
    got = given(tiny_model, layer_decay=0.5)
    rates = {name: rate for name, (rate, _) in got.items()}
    assert rates["lm_head.weight"] == rates["model.norm.weight"] == 1.0
    assert {rate for name, rate in rates.items() if ".layers.1." in name} == {0.5}
    assert {rate for name, rate in rates.items() if ".layers.0." in name} == {0.25}
    assert rates["model.embed_tokens.weight"] == 0.125


def test_layer_decay_and_patterns_multiply(tiny_model: Any) -> None:
    got = given(tiny_model, layer_decay=0.5, groups=[{"pattern": "*.0.*", "learning_rate_factor": 0.1}])
    assert got["model.layers.0.mlp.up_proj.weight"][0] == pytest.approx(0.025)


def test_an_adapter_is_told_apart_by_its_blocks(tiny_model: Any) -> None:
    model = add_lora(tiny_model, rank=2, alpha=4, dropout=0.0, targets="all-linear", seed=0)
    got = given(model, layer_decay=0.5, groups=[{"pattern": "*lora_B*", "learning_rate_factor": 16}])
    for name, (rate, decay) in got.items():
        assert rate == (0.5 if ".layers.1." in name else 0.25) * (16 if "lora_B" in name else 1)
        assert decay == 0.1
    assert len(got) == 2 * 2 * 7


@pytest.mark.parametrize(
    ("model_type", "shape", "embeddings"),
    [
        ("gpt2", {"n_embd": 32, "n_layer": 3, "n_head": 4}, {"transformer.wte.weight", "transformer.wpe.weight"}),
        ("gpt_neox", {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4},
         {"gpt_neox.embed_in.weight"}),
        ("qwen2_moe", {"hidden_size": 32, "num_hidden_layers": 3, "num_experts": 8}, {"model.embed_tokens.weight"}),
    ],
)  # fmt: skip
def test_outline_of_other_architectures(model_type: str, shape: dict[str, Any], embeddings: set[str]) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, vocab_size=99, **shape))
    outline = Outline.of(model)
    assert outline.embeddings == embeddings
    assert outline.num_blocks == 3
    assert outline.head == (set() if model.config.tie_word_embeddings else {name_of_head(model)})
    assert {outline.depth(name) for name, _ in model.named_parameters()} == {0, 1, 2, 3, 4}


def name_of_head(model: Any) -> str:
    return next(name for name, tensor in model.named_parameters() if tensor is model.get_output_embeddings().weight)


def test_a_pattern_that_matches_nothing_is_refused_with_what_was_meant(tiny_model: Any) -> None:
    check_group_patterns(tiny_model, settings(groups=[{"pattern": "*norm*"}]))
    with pytest.raises(UserError, match=r"'\*up_prj\*' in optimizer.groups matches none of the 21") as caught:
        check_group_patterns(tiny_model, settings(groups=[{"pattern": "*norm*"}, {"pattern": "*up_prj*"}]))
    assert "Did you mean 'up_proj'?" in caught.value.hint
    assert "model.layers." in caught.value.hint


def test_notes_say_what_each_group_holds(tiny_model: Any) -> None:
    (matrices, vectors) = group_notes(parameter_groups(tiny_model, settings(layer_decay=0.5)))
    num_vectors = sum(tensor.numel() for tensor in tiny_model.parameters() if tensor.ndim == 1)
    assert vectors == (
        f"adamw on vectors: {num_vectors:,} parameters in 5 tensors, learning rate 0.25 to 1, weight decay 0"
    )
    assert matrices == (
        f"adamw on matrices: {tiny_model.num_parameters() - num_vectors:,} parameters in 16 tensors,"
        " learning rate 0.125 to 1, weight decay 0.1"
    )
    muon = group_notes(parameter_groups(tiny_model, settings(kind="muon", groups=[{"pattern": "*norm*"}])))
    heads = [note.split(":")[0] for note in muon]
    assert heads == ["muon on matrices", "adamw on vectors of '*norm*'", "adamw on matrices"]
