"""The fused LoRA layer against PEFT's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from danlu.models.adapters import add_lora, save_adapter
from danlu.models.load import load_causal_lm
from danlu.models.lora_linear import FusedLoraLinear


def load(directory: Path) -> Any:
    return load_causal_lm(directory, dtype=torch.float32)


def randomise_adapter(model: Any) -> None:
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(generator=generator).mul_(0.1)


def plain_peft(directory: Path) -> Any:
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(load(directory), config)
    randomise_adapter(model)
    return model


def ours(directory: Path, **settings: Any) -> Any:
    plain = {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": "all-linear", "seed": 0}
    model = add_lora(load(directory), **{**plain, **settings})
    randomise_adapter(model)
    return model


def test_outputs_and_gradients_equal_pefts(tiny_model_dir: Path) -> None:
    mine, theirs = ours(tiny_model_dir), plain_peft(tiny_model_dir)
    assert any(isinstance(module, FusedLoraLinear) for module in mine.modules())
    ids = torch.randint(0, 400, (2, 11), generator=torch.Generator().manual_seed(1))
    losses = []
    for model in (mine, theirs):
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        losses.append(loss.detach())
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-6, atol=1e-6)
    reference = dict(theirs.named_parameters())
    compared = 0
    for name, parameter in mine.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, reference[name].grad, rtol=1e-4, atol=1e-6)
            compared += 1
    assert compared == 2 * 7 * 2  # two layers, seven linears each, A and B


def test_bfloat16_base_keeps_a_float32_adapter(tiny_model_dir: Path) -> None:
    model = add_lora(
        load_causal_lm(tiny_model_dir, dtype=torch.bfloat16), rank=4, alpha=8, dropout=0.0, targets="all-linear", seed=0
    )
    model(input_ids=torch.arange(5)[None], labels=torch.arange(5)[None]).loss.backward()
    for parameter in model.parameters():
        if parameter.requires_grad:
            assert parameter.dtype == torch.float32
            assert parameter.grad is not None
            assert parameter.grad.dtype == torch.float32


def test_dropout_takes_pefts_way(tiny_model_dir: Path) -> None:
    model = ours(tiny_model_dir, dropout=0.5).train()
    ids = torch.arange(5)[None]
    assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
    model.eval()
    assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)


def test_saved_adapter_loads_in_plain_peft(tiny_model_dir: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    model = ours(tiny_model_dir).eval()
    save_adapter(model, tmp_path, base_name="someone/base")
    loaded = PeftModel.from_pretrained(load(tiny_model_dir), str(tmp_path)).eval()
    ids = torch.arange(20)[None]
    torch.testing.assert_close(loaded(input_ids=ids).logits, model(input_ids=ids).logits, rtol=1e-5, atol=1e-5)
    text = (tmp_path / "adapter_config.json").read_text(encoding="utf-8")
    assert "someone/base" in text
    assert str(tiny_model_dir) not in text


@pytest.mark.parametrize("seed", [0, 1])
def test_seed_decides_the_first_weights(tiny_model_dir: Path, seed: int) -> None:
    def first(value: int) -> torch.Tensor:
        model = add_lora(load(tiny_model_dir), rank=4, alpha=8, dropout=0.0, targets="all-linear", seed=value)
        return next(p for n, p in model.named_parameters() if "lora_A" in n).detach()

    assert torch.equal(first(seed), first(seed))
    assert not torch.equal(first(seed), first(seed + 1))


def test_an_adapter_on_the_head_is_refused(tiny_model_dir: Path) -> None:
    from danlu.errors import UserError
    from danlu.models.head import Head

    model = ours(tiny_model_dir, targets=["lm_head"])
    with pytest.raises(UserError, match="output head"):
        Head.of(model)
