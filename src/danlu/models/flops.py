"""Floating point operations of training, as the model's formula asks for them: one multiply-add is two.

Per token, each parameter that takes part in a matrix product costs two in the forward pass, two for the gradient of
the product's input and two for its own gradient: 6 N in all (Kaplan et al. 2020, arXiv:2001.08361, section 2.1). A
parameter that is not trained has no gradient of its own: 4. Looking up an embedding is no product. The head is one,
wherever its weights come from, but only for tokens that are predicted; what tells the class of a document, an
encoder's pooler included, only for documents.

Attention multiplies queries with keys and weights with values: per layer, head and pair of tokens that see each other
2 x 2 x head size in the forward pass and twice that in the backward pass (Chowdhery et al. 2022, arXiv:2204.02311,
appendix B, where all pairs of a row are counted; here a token sees those before it in its document, and itself, or in
an encoder all of its document).

What a machine does besides is not counted: recomputed activations, norms, softmax, the optimizer, what fills up a
shape. Sliding windows are not looked at, so documents longer than the window count as if there were none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from danlu.models.encoder import head_modules
from danlu.models.gguf.config import head_size_of
from danlu.models.tasks import is_encoder

EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
"""What configs call the number of experts of a layer, of which ``num_experts_per_tok`` see a token."""


@dataclass(frozen=True)
class TrainingFlops:
    """Of one forward and backward pass."""

    per_token: float
    per_target: float
    """A target is a token that is predicted."""
    per_pair: float
    """A pair is a token and one it sees, the token itself included."""
    per_label: float = 0.0
    """A label is the class of a document, which is told."""

    @classmethod
    def of(cls, model: Any) -> TrainingFlops:
        """What training `model` asks for; its weights are not looked at and may be on the device ``meta``."""
        config = model.config.get_text_config()
        of_tokens, of_documents = _heads(model)
        heads = {id(parameter) for module in (*of_tokens, *of_documents) for parameter in module.parameters()}
        looked_up = {
            id(parameter)
            for module in model.modules()
            if isinstance(module, torch.nn.Embedding)
            for parameter in module.parameters()
        }
        body = sum(
            _per_row(parameter) * (_share_of_experts(config) if ".experts." in name else 1.0)
            for name, parameter in model.named_parameters()
            if id(parameter) not in looked_up | heads
        )
        return cls(
            per_token=body,
            per_target=_of_modules(of_tokens),
            per_label=_of_modules(of_documents),
            per_pair=12.0 * config.num_hidden_layers * config.num_attention_heads * head_size_of(config),
        )

    def total(self, num_tokens: float, num_targets: float, num_pairs: float, num_labels: float = 0) -> float:
        return (
            num_tokens * self.per_token
            + num_targets * self.per_target
            + num_pairs * self.per_pair
            + num_labels * self.per_label
        )


def _heads(model: Any) -> tuple[list[torch.nn.Module], list[torch.nn.Module]]:
    """What works on predicted tokens only, and what on documents only."""
    return head_modules(model) if is_encoder(model.config.to_dict()) else ([model.get_output_embeddings()], [])


def _of_modules(modules: list[torch.nn.Module]) -> float:
    """For one row that goes through them."""
    return sum(_per_row(parameter) for module in modules for parameter in module.parameters())


def _per_row(parameter: torch.Tensor) -> float:
    """For one row that is multiplied with it, if it is a matrix."""
    return parameter.numel() * (6.0 if parameter.requires_grad else 4.0) if parameter.ndim >= 2 else 0.0


def _share_of_experts(config: Any) -> float:
    """The share of a layer's experts that a token goes through."""
    num_experts = next((getattr(config, name) for name in EXPERTS if getattr(config, name, None)), None)
    chosen = getattr(config, "num_experts_per_tok", None)
    return chosen / num_experts if num_experts and chosen else 1.0
