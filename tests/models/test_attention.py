"""Document attention against the plain formula with an explicit mask."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from danlu.models.attention import (
    DOCUMENT_ATTENTION,
    DocumentLayout,
    attend_documents,
    register_document_attention,
    supports_document_attention,
)


def reference(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: tuple[int, ...], window: int | None
) -> torch.Tensor:
    """softmax(QK^T / sqrt(d) + mask) V with a dense mask, in float64."""
    query, key, value = query.double(), key.double(), value.double()
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    place = torch.arange(sum(lengths))
    seen = (document[:, None] == document[None, :]) & (place[:, None] >= place[None, :])
    if window is not None:
        seen &= place[:, None] - place[None, :] < window
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~seen, -math.inf).softmax(-1)
    return (weights @ value).transpose(1, 2)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=5).map(tuple),
    groups=st.sampled_from([1, 3]),
    window=st.sampled_from([None, 1, 4]),
)
def test_equals_attention_with_a_dense_mask(lengths: tuple[int, ...], groups: int, window: int | None) -> None:
    torch.manual_seed(len(lengths))
    total = sum(lengths)
    query = torch.randn(1, 2 * groups, total, 8)
    key, value = torch.randn(1, 2, total, 8), torch.randn(1, 2, total, 8)
    output, weights = attend_documents(
        torch.nn.Module(), query, key, value, None, documents=DocumentLayout(lengths), sliding_window=window
    )
    assert weights is None
    torch.testing.assert_close(output.double(), reference(query, key, value, lengths, window), rtol=0, atol=1e-5)


def test_without_a_layout_the_sequence_is_one_document() -> None:
    query = torch.randn(1, 2, 9, 4)
    alone, _ = attend_documents(torch.nn.Module(), query, query, query, None)
    one, _ = attend_documents(torch.nn.Module(), query, query, query, None, documents=DocumentLayout((9,)))
    assert torch.equal(alone, one)


def test_keeps_the_dtype_of_the_query() -> None:
    query = torch.randn(1, 2, 5, 4, dtype=torch.bfloat16)
    output, _ = attend_documents(torch.nn.Module(), query, query, query, None)
    assert output.dtype == torch.bfloat16


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
    "gemma2": {"sliding_window": 6, "attn_logit_softcapping": 2.0},  # caps its scores
    "gpt_oss": {"sliding_window": 6, "num_local_experts": 2, "num_experts_per_tok": 1},  # has sinks
    "gemma3_text": {"sliding_window": 6},
    "qwen3": {},
    "llama": {},
}


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_packed_documents_equal_transformers_own_attention_on_each_alone(model_type: str) -> None:
    register_document_attention()
    config = AutoConfig.for_model(model_type, **SMALL, **ARCHITECTURES[model_type])
    assert supports_document_attention(config)
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(copy.deepcopy(config), attn_implementation="eager").eval()
    ours = AutoModelForCausalLM.from_config(config, attn_implementation=DOCUMENT_ATTENTION).eval()
    for name, parameter in plain.named_parameters():
        if name.endswith("sinks"):
            torch.nn.init.normal_(parameter)
    ours.load_state_dict(plain.state_dict())
    lengths = (11, 3, 20)
    ids = torch.randint(0, 97, (1, sum(lengths)))
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    with torch.no_grad():
        packed = ours(input_ids=ids, position_ids=positions, documents=DocumentLayout(lengths), use_cache=False).logits
        alone = torch.cat([plain(part, use_cache=False).logits for part in ids.split(lengths, dim=1)], dim=1)
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
