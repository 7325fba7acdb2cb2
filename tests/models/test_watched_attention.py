"""Attention that is looked at gives what plain attention gives, and its entropies are those of weights made by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from danlu.models.attention import DocumentLayout, attend_documents
from danlu.models.watched_attention import MAP_TOKENS, AttentionWatch, attend_watched

LENGTHS = (5, 1, 9)
MODULE = torch.nn.Module()


def tensors(heads: int = 4, kv_heads: int = 2, dim: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, count, sum(LENGTHS), dim) for count in (heads, kv_heads, kv_heads))
    query, key, value = (torch.randn(shape, generator=generator) for shape in shapes)
    return query, key, value


@pytest.mark.parametrize(
    "how",
    [{}, {"sliding_window": 3}, {"softcap": 1.5}, {"scaling": 0.9}, {"is_causal": False}],
    ids=lambda how: " ".join(how) or "plain",
)
def test_output_and_entropies_are_those_of_the_formula(how: dict[str, Any]) -> None:
    query, key, value = tensors()
    documents = DocumentLayout(LENGTHS)
    watch = AttentionWatch(num_tokens=sum(LENGTHS))
    output, _ = attend_watched(MODULE, query, key, value, None, watched=watch, documents=documents, **how)
    plain, _ = attend_documents(MODULE, query, key, value, None, documents=documents, **how)
    assert torch.equal(output, plain)

    expected: list[list[float]] = [[] for _ in range(4)]
    start = 0
    for length in LENGTHS:
        for place in range(length):
            first = max(0, place - how["sliding_window"] + 1) if "sliding_window" in how else 0
            last = place + 1 if how.get("is_causal", True) else length
            if last - first < 2:
                continue
            for head in range(4):
                keys = key[0, head // 2, start + first : start + last]
                scores = keys @ query[0, head, start + place] * how.get("scaling", 8**-0.5)
                if "softcap" in how:
                    scores = torch.tanh(scores / how["softcap"]) * how["softcap"]
                weights = scores.softmax(0)
                entropy = -(weights * weights.log()).sum() / torch.tensor(float(last - first)).log()
                expected[head].append(float(entropy))
        start += length
    means = torch.tensor(expected).mean(1)
    torch.testing.assert_close(watch.entropies[id(MODULE)], means, rtol=1e-4, atol=1e-5)


def test_even_weights_have_an_entropy_of_one_and_sharp_ones_of_zero() -> None:
    query, key, value = tensors()
    documents = DocumentLayout(LENGTHS)
    for factor, expected in ((0.0, 1.0), (1e7, 0.0)):
        watch = AttentionWatch(num_tokens=sum(LENGTHS))
        attend_watched(MODULE, factor * query, key, value, None, watched=watch, documents=documents)
        assert watch.entropies[id(MODULE)].tolist() == pytest.approx([expected] * 4, abs=1e-2)


def test_what_fills_up_is_not_looked_at() -> None:
    query, key, value = tensors()
    whole, part = AttentionWatch(num_tokens=6), AttentionWatch(num_tokens=6)
    attend_watched(MODULE, query, key, value, None, watched=whole, documents=DocumentLayout(LENGTHS))
    query[:, :, 6:] *= 100
    attend_watched(MODULE, query, key, value, None, watched=part, documents=DocumentLayout(LENGTHS))
    assert torch.equal(whole.entropies[id(MODULE)], part.entropies[id(MODULE)])


def test_maps_are_weights_of_the_first_document() -> None:
    query, key, value = tensors()
    watch = AttentionWatch(num_tokens=sum(LENGTHS), wants_maps=True)
    attend_watched(MODULE, query, key, value, None, watched=watch, documents=DocumentLayout(LENGTHS))
    weights = watch.maps[id(MODULE)]
    assert weights.shape == (4, 5, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 5))
    assert torch.equal(weights, weights.tril())
    values = value[0, :, :5].repeat_interleave(2, dim=0)
    plain, _ = attend_documents(MODULE, query, key, value, None, documents=DocumentLayout(LENGTHS))
    torch.testing.assert_close((weights @ values).transpose(0, 1), plain[0, :5], rtol=1e-4, atol=1e-5)
    assert MAP_TOKENS > 5


def test_nobody_watching_is_plain_attention() -> None:
    query, key, value = tensors()
    output, _ = attend_watched(MODULE, query, key, value, None)
    assert torch.equal(output, attend_documents(MODULE, query, key, value, None)[0])
