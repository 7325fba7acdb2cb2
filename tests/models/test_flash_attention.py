"""Flash attention over packed documents, against transformers' own on each document alone.

The kernel itself runs on GPUs only. Elsewhere its place is taken by the formula, one document at a time, so that what
is told to it is checked everywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention import varlen
from transformers import AutoConfig, AutoModelForCausalLM

from danlu.hardware.machine import default_device
from danlu.models import flash_attention
from danlu.models.attention import DocumentLayout
from danlu.models.compiling import compile_layers, layout_arguments
from danlu.models.flash_attention import (
    FLASH_ATTENTION,
    boundaries,
    register_flash_attention,
    why_not_flash,
)

SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.5,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {"gemma3_text": {"sliding_window": 6}, "qwen3": {}, "llama": {}}
LENGTHS = (11, 3, 20, 34)


def by_the_formula(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor | None,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> torch.Tensor:
    """What the kernel's documentation says it computes; tensors are (tokens, heads, dim)."""
    assert cu_seq_k is cu_seq_q
    assert max_q == max_k
    assert cu_seq_q.dtype == torch.int32
    if enable_gqa:
        key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], dim=1) for part in (key, value))
    left, right = window_size
    outputs = []
    for begin, end in pairwise(cu_seq_q.tolist()):
        assert 0 <= end - begin <= max_q
        scores = torch.einsum("qhd,khd->hqk", query[begin:end], key[begin:end])
        scores = scores * (query.shape[-1] ** -0.5 if scale is None else scale)
        places = torch.arange(end - begin)
        ahead = places[None, :] - places[:, None]
        seen = (ahead <= right) & ((ahead >= -left) | (left == -1))
        weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
        outputs.append(torch.einsum("hqk,khd->qhd", weights, value[begin:end]))
    return torch.cat(outputs)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.dtype]:
    """The dtype to compute in, with a stand-in for the kernel where there is no GPU."""
    register_flash_attention()
    if default_device() == "cpu":
        monkeypatch.setattr(varlen, "varlen_attn", by_the_formula)
        yield torch.float32
    else:
        yield torch.bfloat16


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_packed_documents_equal_transformers_own_attention_on_each_alone(model_type: str, kernel: torch.dtype) -> None:
    config = AutoConfig.for_model(model_type, **SMALL, **ARCHITECTURES[model_type])
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(copy.deepcopy(config), attn_implementation="eager").train()
    ours = AutoModelForCausalLM.from_config(config, attn_implementation=FLASH_ATTENTION).train()
    ours.load_state_dict(plain.state_dict())
    plain, ours = (model.to(default_device()) for model in (plain, ours.to(kernel)))
    ids = torch.randint(0, 97, (1, sum(LENGTHS)), device=default_device())
    positions = torch.cat([torch.arange(length) for length in LENGTHS])[None].to(default_device())
    layout = layout_arguments(ours, DocumentLayout(LENGTHS, row_length=34), default_device())
    packed = ours(input_ids=ids, position_ids=positions, use_cache=False, **layout).logits.float()
    alone = torch.cat([plain(part, use_cache=False).logits for part in ids.split(LENGTHS, dim=1)], dim=1)
    tolerance = 1e-4 if kernel == torch.float32 else 0.05
    assert float((packed - alone).detach().norm()) <= tolerance * float(alone.detach().norm())
    for logits in (packed, alone):
        (logits * torch.linspace(-1, 1, logits.numel(), device=logits.device).view_as(logits)).sum().backward()
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None)
        if mine.grad is not None and theirs.grad is not None:
            assert float((mine.grad - theirs.grad).norm()) <= tolerance * float(theirs.grad.norm()) + 1e-6


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=300))
def test_boundaries_are_where_documents_begin_and_end(lengths: list[int]) -> None:
    places = boundaries(DocumentLayout(tuple(lengths)), "cpu")
    expected = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    assert places.tolist()[: len(expected)] == expected
    assert set(places.tolist()[len(expected) :]) <= {sum(lengths)}
    assert len(places) & (len(places) - 1) == 0
    assert 128 <= len(places) < max(129, 2 * len(expected) + 2)


def test_values_may_be_narrower_than_keys(kernel: torch.dtype) -> None:
    torch.manual_seed(0)
    query, key, value = (
        torch.randn(1, 2, 14, dim, dtype=kernel, device=default_device(), requires_grad=True) for dim in (16, 16, 8)
    )
    places = boundaries(DocumentLayout((5, 9)), default_device())
    output, _ = flash_attention.attend_with_flash(
        torch.nn.Identity(), query, key, value, None, boundaries=places, longest=9
    )
    expected = [
        torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        for parts in zip(*(tensor.split((5, 9), dim=2) for tensor in (query, key, value)), strict=True)
    ]
    torch.testing.assert_close(
        output, torch.cat(expected, dim=2).transpose(1, 2), atol=1e-5 if kernel == torch.float32 else 0.02, rtol=0.02
    )


def test_the_kernel_keeps_its_arguments() -> None:
    """The stand-in is called as the kernel is."""
    import inspect

    real = inspect.signature(varlen.varlen_attn).parameters
    for name, parameter in inspect.signature(by_the_formula).parameters.items():
        assert real[name].kind == parameter.kind
        assert real[name].default == parameter.default


@pytest.mark.parametrize("window", [None, 4])
def test_the_kernel_takes_what_it_is_given(window: int | None) -> None:
    """Its own check of shapes, forwards and backwards, which needs no GPU."""
    query = torch.empty(1, 4, 14, 8, dtype=torch.bfloat16, device="meta", requires_grad=True)
    key, value = (torch.empty(1, 2, 14, 8, dtype=torch.bfloat16, device="meta", requires_grad=True) for _ in range(2))
    places = boundaries(DocumentLayout((5, 9)), "meta")
    output, _ = flash_attention.attend_with_flash(
        torch.nn.Identity(), query, key, value, None, boundaries=places, longest=9, sliding_window=window
    )
    assert output.shape == (1, 14, 4, 8)
    output.sum().backward()
    for tensor in (query, key, value):
        assert tensor.grad is not None
        assert tensor.grad.shape == tensor.shape


def test_what_the_kernel_cannot_do_is_told() -> None:
    config = AutoConfig.for_model("llama")
    assert why_not_flash(config, torch.bfloat16) is None
    assert "bf16 and fp16" in str(why_not_flash(config, torch.float32))
    wide = AutoConfig.for_model("llama", head_dim=264)
    odd = AutoConfig.for_model("llama", head_dim=20)
    assert "264" in str(why_not_flash(wide, torch.bfloat16))
    assert "20" in str(why_not_flash(odd, torch.bfloat16))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="compiles for a GPU")
def test_compiled_layers_give_the_same_loss(kernel: torch.dtype) -> None:
    config = AutoConfig.for_model("qwen3", **SMALL | {"hidden_size": 64, "head_dim": 16})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=FLASH_ATTENTION).to("cuda", kernel).train()
    layout = layout_arguments(model, DocumentLayout(LENGTHS, row_length=34), "cuda")
    inputs = {
        "input_ids": torch.randint(0, 97, (1, sum(LENGTHS)), device="cuda"),
        "position_ids": torch.cat([torch.arange(length) for length in LENGTHS])[None].cuda(),
    }
    before = model(**inputs, use_cache=False, **layout).logits
    compile_layers(model)
    after = model(**inputs, use_cache=False, **layout).logits
    after.sum().backward()
    assert float((after - before).detach().norm()) <= 0.02 * float(before.detach().norm())
