"""Dropout by the names each architecture gives it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from danlu.errors import UserError
from danlu.models.probe import config_from
from danlu.training.dropout import dropout_changes, dropout_fields
from danlu.training.setup import draws_random_numbers

SMALL: dict[str, dict[str, Any]] = {
    "llama": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64},
    "gpt2": {"n_embd": 32, "n_layer": 1, "n_head": 4},
    "opt": {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "ffn_dim": 64,
        "word_embed_proj_dim": 32,
    },
    "falcon": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4},
}


@pytest.mark.parametrize("model_type", SMALL)
def test_the_model_drops_as_it_is_told(model_type: str) -> None:
    def outputs(probability: float) -> list[torch.Tensor]:
        stored = AutoConfig.for_model(model_type, vocab_size=99, **SMALL[model_type]).to_dict()
        config = config_from({**stored, **dropout_changes(stored, probability)})
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").train()
        assert draws_random_numbers(model) == (probability > 0)
        ids = torch.arange(20)[None]
        return [model(input_ids=ids).logits.detach() for _ in range(2)]

    steady, dropped = outputs(0.0), outputs(0.5)
    assert torch.equal(*steady)
    assert not torch.equal(*dropped)


def test_none_leaves_the_config_as_it_is() -> None:
    config = AutoConfig.for_model("gpt2")
    assert dropout_changes(config.to_dict(), None) == {}
    assert dropout_fields(config) == {"attn_pdrop": 0.1, "embd_pdrop": 0.1, "resid_pdrop": 0.1}


def test_the_text_part_of_a_larger_model_drops_as_it_is_told() -> None:
    stored = AutoConfig.for_model("gemma3").to_dict()
    config = config_from({**stored, **dropout_changes(stored, 0.25)})
    assert dropout_fields(config) == {"attention_dropout": 0.25}
    assert config.text_config.hidden_size == stored["text_config"]["hidden_size"]


def test_models_without_dropout_say_so() -> None:
    with pytest.raises(UserError, match=r"'mamba' have no dropout .*0.1"):
        dropout_changes(AutoConfig.for_model("mamba").to_dict(), 0.1)
