"""Document attention against the plain formula with an explicit mask."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.errors import UserError
from danlu.models.attention import DocumentLayout, attend_documents


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


def test_refuses_capped_scores() -> None:
    query = torch.randn(1, 2, 5, 4)
    with pytest.raises(UserError, match="caps or sinks"):
        attend_documents(torch.nn.Module(), query, query, query, None, softcap=50.0)
