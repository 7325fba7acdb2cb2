"""How small a check is made."""

from __future__ import annotations

from typing import Any

from training_stage import settings
from transformers import Gemma3TextConfig, GPT2Config, LlamaConfig

from danlu.models.probe import config_from
from danlu.training.checking.size import FEWEST_STEPS, MOST_STEPS, Size, choose_size, with_layers


def llama(**changes: Any) -> dict[str, Any]:
    shape = {"vocab_size": 1000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4}
    return LlamaConfig(**{**shape, "num_attention_heads": 4, **changes}).to_dict()


def test_a_small_model_is_checked_whole() -> None:
    assert choose_size(settings(batch={"rows": 8}), llama(), 512) == Size(4, 256, 4, MOST_STEPS)
    assert choose_size(settings(batch={"rows": 2}), llama(), 64) == Size(4, 64, 2, MOST_STEPS)


def test_a_larger_one_on_shorter_rows_then_with_few_layers_then_in_fewer_steps() -> None:
    whole = settings(adapter=None, batch={"rows": 4})
    wide = {"hidden_size": 384, "intermediate_size": 1024, "vocab_size": 4000}
    assert choose_size(whole, llama(**wide), 512) == Size(4, 128, 4, MOST_STEPS)
    deep = choose_size(whole, llama(**wide, num_hidden_layers=40), 512)
    assert (deep.num_layers, deep.num_steps) == (2, MOST_STEPS)
    huge = choose_size(
        whole, llama(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, vocab_size=32000), 512
    )
    assert huge == Size(2, 128, 4, FEWEST_STEPS)


def test_every_kind_of_layer_is_kept() -> None:
    config = Gemma3TextConfig(
        vocab_size=262_000, hidden_size=2560, intermediate_size=10240, num_hidden_layers=34, head_dim=256
    )
    size = choose_size(settings(adapter=None), config.to_dict(), 512)
    kinds = config.layer_types[: size.num_layers]
    assert set(kinds) == set(config.layer_types)
    assert set(kinds[:-1]) != set(config.layer_types)
    fewer = config_from({**config.to_dict(), **with_layers(config, size.num_layers)})
    assert fewer.num_hidden_layers == size.num_layers == len(fewer.layer_types)


def test_layers_are_counted_by_the_name_that_the_architecture_has() -> None:
    config = GPT2Config(n_layer=12)
    fewer = config_from({**config.to_dict(), **with_layers(config, 2)})
    assert fewer.num_hidden_layers == fewer.n_layer == 2
    assert with_layers(config, 12) == {}
