"""How far two models' next-token distributions lie apart.

The logits of 2,000 positions over 49,152 tokens are 393 MB. What is kept of a model instead are its last hidden states
(4.6 MB) and its head; logits are made again for a few positions at a time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from danlu.models.encoder import encoder_states, head_inputs, head_of
from danlu.models.head import Head, hidden_states
from danlu.models.tasks import is_encoder

CHUNK_LOGITS = 8_000_000
"""Logits that exist at once, per model."""


@dataclass(frozen=True)
class Observation:
    """One model on some rows."""

    hidden: torch.Tensor
    """Last hidden states at all positions of all rows, (N, hidden), float32 or float64."""
    head: Head

    def part(self, positions: slice) -> torch.Tensor:
        """Logits at some of the positions, (n, vocabulary), float32."""
        return self.head.logits(self.hidden[positions])


@dataclass(frozen=True)
class Divergence:
    """How far an export is from the trained model, over all positions."""

    kl_mean_nats: float
    """Mean Kullback-Leibler divergence from the trained model's distribution to the export's."""
    kl_max_nats: float
    top1_agreement: float
    """Share of positions at which both hold the same token for the likeliest."""
    max_logit_difference: float
    num_positions: int

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def last_hidden_states(model: Any, rows: list[list[int]]) -> torch.Tensor:
    """(N, hidden) in the model's dtype, what the head takes: N positions of all rows together, or rows of a classifier.

    One row goes through the model at a time, so nothing is padded.
    """

    def states(row: list[int]) -> torch.Tensor:
        ids = torch.tensor([row], device=model.device)
        if is_encoder(model.config.to_dict()):
            return head_inputs(model, encoder_states(model, input_ids=ids))
        return hidden_states(model, input_ids=ids)[0]

    with torch.inference_mode():
        return torch.cat([states(row) for row in rows])


def observe(model: Any, rows: list[list[int]]) -> Observation:
    """A model's hidden states and head."""
    return Observation(last_hidden_states(model, rows), final_head(model))


def final_head(model: Any) -> Head:
    """The last, linear step: to the vocabulary, or to a classifier's classes."""
    return head_of(model) if is_encoder(model.config.to_dict()) else Head.of(model)


def compare(trained: Observation, exported: Observation) -> Divergence:
    """Compare the two distributions at every position.

    Args:
        trained: The model as it was trained.
        exported: The same rows through the export.
    """
    num_positions = len(trained.hidden)
    divergences, differences, agreements = [], [], 0
    step = max(1, CHUNK_LOGITS // trained.head.weight.shape[0])
    with torch.inference_mode():
        for start in range(0, num_positions, step):
            part = slice(start, start + step)
            expected_NV, actual_NV = trained.part(part), exported.part(part)
            differences.append((expected_NV - actual_NV).abs().max())
            agreements += int((expected_NV.argmax(-1) == actual_NV.argmax(-1)).sum())
            expected_NV, actual_NV = expected_NV.log_softmax(-1), actual_NV.log_softmax(-1)
            divergences.append((expected_NV.exp() * (expected_NV - actual_NV)).sum(-1))
    # Rounding can take the divergence of equal distributions a hair below zero. Unlike Python's max, torch's functions
    # keep what is not a number.
    kl_N = torch.cat(divergences).clamp(min=0)
    return Divergence(
        kl_mean_nats=float(kl_N.double().mean()),
        kl_max_nats=float(kl_N.max()),
        top1_agreement=agreements / num_positions,
        max_logit_difference=float(torch.stack(differences).max()),
        num_positions=num_positions,
    )
