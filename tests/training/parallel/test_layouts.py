"""Whatever the layout, the same training: losses and gradient norms as on one process."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import pytest
from layout_training import train_in_layout

from ranks import on_ranks

DIMENSIONS = ("data", "shard", "tensor", "pipeline", "context")
INTERLEAVED = {"pipeline": 2, "schedule": "interleaved", "chunks": 2}
TIED = {"changes": {"tie_word_embeddings": True}, "rows": 5}
BIASES = {"changes": {"attention_bias": True, "mlp_bias": True}}
UNEVEN_HEADS = {"changes": {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 16}}
BF16 = {"settings": {"precision": "bf16"}}
SMOOTHED = {"settings": {"regularisation": {"label_smoothing": 0.1}}}
MIXTURE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "decoder_sparse_step": 1}
MUON = {"settings": {"optimizer": {"kind": "muon"}}}
LORA = {"settings": {"adapter": {"rank": 4, "dropout": 0.1}}}

TWO: dict[str, dict[str, Any]] = {
    **{name: {"layout": {name: 2}} for name in DIMENSIONS},
    "interleaved": {"layout": INTERLEAVED},
    "tensor, biases": {"layout": {"tensor": 2}, **BIASES},
    "tensor, smoothed": {"layout": {"tensor": 2}, **SMOOTHED},
    "tensor, qwen3": {"layout": {"tensor": 2}, "kind": "qwen3"},
    "tensor, gemma3": {"layout": {"tensor": 2}, "kind": "gemma3_text", **TIED},
    "pipeline, qwen3": {"layout": {"pipeline": 2}, "kind": "qwen3"},
    "context, heads that do not divide": {"layout": {"context": 2}, **UNEVEN_HEADS},
    "expert": {"layout": {"expert": 2}, "kind": "qwen3_moe", "changes": MIXTURE},
    "shard, offloaded": {"layout": {"shard": 2, "offload": True}},
    "shard, muon": {"layout": {"shard": 2}, **MUON},
    "tensor, muon": {"layout": {"tensor": 2}, **MUON},
    "data, dropout": {"layout": {"data": 2}, **LORA},
    "shard, dropout": {"layout": {"shard": 2}, **LORA},
}
FOUR: dict[str, dict[str, Any]] = {
    **{f"{one} x {other}": {"layout": {one: 2, other: 2}, **TIED} for one, other in combinations(DIMENSIONS, 2)},
    "pipeline 4": {"layout": {"pipeline": 4}, **TIED},
}
ROUNDED: dict[str, dict[str, Any]] = {
    name: {"layout": {name: 2}, **BF16} for name in ("data", "tensor", "pipeline", "context")
}


@cache
def together(size: int) -> dict[str, list[dict[str, Any]]]:
    """What each rank found, of all trials with so many."""
    trials = {2: {**TWO, **{f"{name}, bf16": trial for name, trial in ROUNDED.items()}}, 4: FOUR}[size]
    by_rank = on_ranks("layout_training:train_in_layouts", size, {"trials": list(trials.values())})
    return {name: [found[number] for found in by_rank] for number, name in enumerate(trials)}


def agree(found: list[dict[str, Any]], trial: dict[str, Any], tolerance: float) -> None:
    alone = train_in_layout(0, 1, **{**trial, "layout": {}})
    for rank in found:
        assert rank["losses"] == pytest.approx(alone["losses"], rel=tolerance)
        assert rank["norms"] == pytest.approx(alone["norms"], rel=10 * tolerance)
        assert rank["validation"] == pytest.approx(alone["validation"], rel=tolerance)


@pytest.mark.parametrize("name", TWO)
def test_two_processes_train_as_one(name: str) -> None:
    agree(together(2)[name], TWO[name], 1e-5)


@pytest.mark.parametrize("name", FOUR)
def test_layouts_can_be_combined(name: str) -> None:
    agree(together(4)[name], FOUR[name], 1e-5)


@pytest.mark.parametrize("name", ROUNDED)
def test_passes_in_bfloat16_agree_within_its_rounding(name: str) -> None:
    agree(together(2)[f"{name}, bf16"], ROUNDED[name], 5e-3)
