"""Float8 products against those of the same model in bfloat16; by emulation, which rounds the same."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from danlu.errors import UserError
from danlu.models.float8 import require_float8, use_float8

SHAPE = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def run(model: Any, input_ids: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    torch.manual_seed(1)
    (hidden * torch.randn_like(hidden)).sum().backward()
    return hidden.detach().float(), [parameter.grad.float() for parameter in model.base_model.parameters()]


@pytest.mark.parametrize("num_tokens", [32, 27])
def test_products_are_those_of_bfloat16_within_the_rounding(num_tokens: int) -> None:
    float8 = pytest.importorskip("torchao.float8.float8_linear", reason="needs danlu[float8]")
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(AutoConfig.for_model("qwen3", **SHAPE)).bfloat16().train()
    ours = copy.deepcopy(plain)
    weights = list(ours.parameters())
    use_float8(ours, emulate=not torch.cuda.is_available())
    converted = [name for name, module in ours.named_modules() if isinstance(module, float8.Float8Linear)]
    assert len(converted) == 2 * 7, "every linear layer of the body"
    assert not any("lm_head" in name for name in converted)
    assert all(before is after for before, after in zip(weights, ours.parameters(), strict=True))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    input_ids = torch.randint(0, 96, (1, num_tokens), device=device)
    expected, expected_gradients = run(plain.to(device), input_ids)
    found, gradients = run(ours.to(device), input_ids)
    assert 0 < float((found - expected).norm()) < 0.1 * float(expected.norm())
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        assert float((gradient - wanted).norm()) < 0.25 * float(wanted.norm())


@pytest.mark.skipif(torch.cuda.is_available(), reason="looks for a GPU")
def test_a_machine_without_a_gpu_is_told() -> None:
    with pytest.raises(UserError, match=r"compute capability 8\.9 or later; this machine has none") as caught:
        require_float8()
    assert "bf16" in caught.value.hint


def test_an_older_gpu_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    with pytest.raises(UserError, match=r"this one has 8\.0"):
        require_float8()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setitem(sys.modules, "torchao.float8", None)
    with pytest.raises(UserError, match="needs torchao") as caught:
        require_float8()
    assert "danlu[float8]" in caught.value.hint
