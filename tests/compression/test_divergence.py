"""Divergence against scipy, on whole logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from danlu.compression import divergence
from danlu.compression.divergence import Observation, compare, last_hidden_states, observe
from danlu.models.head import Head

ROWS = [[3, 4, 5, 6, 7], [9, 10, 11], [12]]


def observation(seed: int, *, positions: int = 23, vocabulary: int = 50, spread: float = 1.0) -> Observation:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(positions, 8, generator=generator)
    head = Head(weight=spread * torch.randn(vocabulary, 8, generator=generator), bias=None)
    return Observation(hidden, head)


@pytest.mark.parametrize("chunk", [1, 50 * 4, 10**6])
def test_divergence_is_scipys(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divergence, "CHUNK_LOGITS", chunk)
    trained, exported = observation(1), observation(2)
    found = compare(trained, exported)
    expected_NV, actual_NV = trained.part(slice(None)), exported.part(slice(None))
    kl_N = entropy(expected_NV.softmax(-1).double().numpy(), actual_NV.softmax(-1).double().numpy(), axis=-1)
    assert found.kl_mean_nats == pytest.approx(kl_N.mean(), rel=1e-5)
    assert found.kl_max_nats == pytest.approx(kl_N.max(), rel=1e-5)
    assert found.max_logit_difference == pytest.approx(float((expected_NV - actual_NV).abs().max()))
    agreement = np.mean(expected_NV.argmax(-1).numpy() == actual_NV.argmax(-1).numpy())
    assert found.top1_agreement == pytest.approx(agreement)
    assert found.num_positions == 23


def test_a_model_does_not_diverge_from_itself() -> None:
    found = compare(observation(1, spread=5.0), observation(1, spread=5.0))
    assert found.kl_mean_nats == found.kl_max_nats == found.max_logit_difference == 0.0
    assert found.top1_agreement == 1.0


def test_not_a_number_is_no_agreement() -> None:
    broken = observation(1)
    broken.hidden[3] = float("nan")
    found = compare(observation(1), broken)
    assert np.isnan([found.kl_mean_nats, found.kl_max_nats, found.max_logit_difference]).all()


def test_hidden_states_and_head_make_the_models_logits(tiny_model: Any) -> None:
    found = observe(tiny_model, ROWS)
    with torch.inference_mode():
        expected = torch.cat([tiny_model(torch.tensor([row])).logits[0] for row in ROWS])
        torch.testing.assert_close(found.part(slice(None)), expected)
    assert last_hidden_states(tiny_model.double(), ROWS).dtype == torch.float64
