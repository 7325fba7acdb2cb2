"""Attention in blocks, not compiled here, against transformers' own on each document alone."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from danlu.models import block_attention
from danlu.models.attention import DocumentLayout, why_scores_are_bent
from danlu.models.block_attention import BLOCK_ATTENTION, register_block_attention, tokens_seen
from encoder_toys import encoder_config

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
ARCHITECTURES = {
    "gemma3_text": AutoConfig.for_model("gemma3_text", **SMALL, sliding_window=6),
    "qwen3": AutoConfig.for_model("qwen3", **SMALL),
    "llama": AutoConfig.for_model("llama", **SMALL),
    "bert": encoder_config(vocab_size=97),
}


@pytest.mark.parametrize("block_tokens", [8, 128])
@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_rows_of_documents_equal_transformers_own_attention_on_each_alone(
    model_type: str, block_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_attention, "BLOCK_TOKENS", block_tokens)
    register_block_attention()
    config = copy.deepcopy(ARCHITECTURES[model_type])
    is_causal = model_type != "bert"
    auto_class = AutoModelForCausalLM if is_causal else AutoModelForMaskedLM
    torch.manual_seed(0)
    plain = auto_class.from_config(copy.deepcopy(config), attn_implementation="eager").train()
    ours = auto_class.from_config(config, attn_implementation=BLOCK_ATTENTION).train()
    ours.load_state_dict(plain.state_dict())
    lengths = (11, 3, 20, 34)
    ids = torch.randint(0, 97, (1, sum(lengths)))
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    seen = tokens_seen(DocumentLayout(lengths, row_length=34), "cpu", is_causal=is_causal)
    uncached = {"use_cache": False} if is_causal else {}
    packed = ours(input_ids=ids, position_ids=positions, seen=seen, **uncached).logits
    alone = torch.cat([plain(part, **uncached).logits for part in ids.split(lengths, dim=1)], dim=1)
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    for logits in (packed, alone):
        (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
    whole = float(torch.cat([each.grad.flatten() for each in plain.parameters() if each.grad is not None]).norm())
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None)
        if mine.grad is not None and theirs.grad is not None:
            # An encoder's keys have biases that change nothing: their gradient is what rounding leaves.
            assert float((mine.grad - theirs.grad).norm()) <= 1e-4 * float(theirs.grad.norm()) + 1e-6 * whole


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_token_sees_its_document_and_where_causal_what_is_before_it(rows: list[list[int]]) -> None:
    row_length = max(map(sum, rows))
    full = [[*row, row_length - sum(row)] if sum(row) < row_length else row for row in rows]
    layout = DocumentLayout(tuple(length for row in full for length in row), row_length)
    causal, mutual = (tokens_seen(layout, "cpu", is_causal=is_causal) for is_causal in (True, False))
    for row, before, all_of_it in zip(full, causal, mutual, strict=True):
        expected = torch.block_diag(*[torch.ones(length, length) for length in row]).bool()
        assert torch.equal(all_of_it, expected)
        assert torch.equal(before, expected.tril())


def test_sums_too_large_for_float16_are_divided_first() -> None:
    """Each of 128 values is 1,000: their sum is above 65,504, the largest float16, and their mean is not."""
    query, key, value = (torch.full((1, 2, 128, 8), number, dtype=torch.float16) for number in (0.0, 1.0, 1000.0))
    module, seen = torch.nn.Module(), tokens_seen(DocumentLayout((128,), 128), "cpu", is_causal=False)
    output, _ = block_attention.attend_in_blocks(module, query, key, value, None, seen=seen, is_causal=False)
    assert output.dtype == torch.float16
    torch.testing.assert_close(output.float(), torch.full((1, 128, 2, 8), 1000.0), rtol=2e-3, atol=0.0)


@pytest.mark.parametrize("model_type", ["gemma2", "gpt_oss"])
def test_models_that_bend_their_scores_are_told_apart(model_type: str) -> None:
    assert model_type in str(why_scores_are_bent(AutoConfig.for_model(model_type)))
    assert why_scores_are_bent(AutoConfig.for_model("llama")) is None
