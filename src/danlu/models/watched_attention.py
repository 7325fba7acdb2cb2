"""Attention that is looked at: the same output, and how far the weights are spread.

Registered once with transformers under the name `WATCHED_ATTENTION`; a model with that attention implementation is
called with ``watched=AttentionWatch(...)``, beside what `danlu.models.attention` takes. The output comes from there.
The weights are made a second time for some queries, evenly spread over the sequence, since all of them would take as
much memory as attention in one piece does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from danlu.models.attention import DOCUMENT_ATTENTION, DocumentLayout, attend_documents
from danlu.models.block_attention import BLOCK_ATTENTION
from danlu.models.flash_attention import FLASH_ATTENTION

WATCHED_ATTENTION = "danlu_watched"
MOST_QUERIES = 128
"""Of a sequence, for whose weights the entropy is taken."""
MAP_TOKENS = 64
"""Of the first document, whose weights a map shows."""


@dataclass
class AttentionWatch:
    """What was seen, by the id of the attention module."""

    num_tokens: int
    """Of the sequence; those behind only fill it up."""
    wants_maps: bool = False
    entropies: dict[int, torch.Tensor] = field(default_factory=dict)
    """(num_heads,): mean over queries of the entropy of their weights, over the logarithm of the number of keys seen.
    0: all weight is on one token; 1: it is the same on all."""
    maps: dict[int, torch.Tensor] = field(default_factory=dict)
    """(num_heads, tokens, tokens): the weights among the first tokens of the first document."""

    def see(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        documents: DocumentLayout,
        scaling: float | None,
        sliding_window: int | None,
        softcap: float | None,
        *,
        causal: bool,
    ) -> None:
        """Look at one layer; see `attend_documents` for the arguments."""
        layout = _Layout.of(documents, query.device, sliding_window, causal=causal)
        group = query.shape[1] // key.shape[1]

        def weights(queries: torch.Tensor, num_keys: int) -> torch.Tensor:
            """(heads, queries, keys): of some queries on the first keys."""
            keys = key[0, :, :num_keys].float().repeat_interleave(group, dim=0)
            factor = scaling if scaling is not None else query.shape[-1] ** -0.5
            scores = query[0, :, queries].float() @ keys.mT * factor
            if softcap is not None:
                scores = torch.tanh(scores / softcap) * softcap
            return scores.masked_fill(~layout.seen(queries, num_keys), -torch.inf).softmax(-1)

        chosen = layout.some_queries(MOST_QUERIES, self.num_tokens)
        if len(chosen):
            found = weights(chosen, key.shape[2])
            entropy = torch.special.entr(found).sum(-1) / layout.num_seen(chosen).log()
            self.entropies[id(module)] = entropy.mean(-1)
        if self.wants_maps:
            tokens = min(documents.lengths[0], MAP_TOKENS)
            self.maps[id(module)] = weights(torch.arange(tokens, device=query.device), tokens)


@dataclass(frozen=True)
class _Layout:
    """Who sees whom in a flat sequence of documents."""

    starts: torch.Tensor
    """(tokens,): where the document of each token begins."""
    ends: torch.Tensor
    """(tokens,): where it ends; where each token itself ends, if none sees those after it."""

    @classmethod
    def of(cls, documents: DocumentLayout, device: torch.device, window: int | None, *, causal: bool) -> _Layout:
        lengths = torch.tensor(documents.lengths, device=device)
        ends = lengths.cumsum(0).repeat_interleave(lengths)
        starts = ends - lengths.repeat_interleave(lengths)
        places = torch.arange(len(ends), device=device)
        if window is not None:
            starts = torch.maximum(starts, places - window + 1)
        return cls(starts, places + 1 if causal else ends)

    def num_seen(self, queries: torch.Tensor) -> torch.Tensor:
        """(queries,): how many keys each sees."""
        return (self.ends - self.starts)[queries].float()

    def some_queries(self, most: int, num_tokens: int) -> torch.Tensor:
        """Evenly spread over those of the first tokens that have a choice."""
        choosing = (self.ends - self.starts > 1)[:num_tokens].nonzero()[:, 0]
        if len(choosing) <= most:
            return choosing
        return choosing[torch.linspace(0, len(choosing) - 1, most, device=choosing.device).long()]

    def seen(self, queries: torch.Tensor, num_keys: int) -> torch.Tensor:
        """(queries, num_keys) bool."""
        keys = torch.arange(num_keys, device=queries.device)
        return (keys >= self.starts[queries, None]) & (keys < self.ends[queries, None])


def attend_watched(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    watched: AttentionWatch | None = None,
    documents: DocumentLayout | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """As `attend_documents`, with a look at the weights where somebody watches."""
    causal = kwargs.get("is_causal")
    if watched is not None:
        watched.see(
            module,
            query,
            key,
            documents or DocumentLayout((query.shape[2],)),
            kwargs.get("scaling"),
            kwargs.get("sliding_window"),
            kwargs.get("softcap"),
            causal=causal if causal is not None else getattr(module, "is_causal", True),
        )
    return attend_documents(module, query, key, value, attention_mask, documents=documents, **kwargs)


def can_be_watched(model: Any) -> bool:
    """Whether the model takes its attention from transformers' interface, so that another can stand in for it."""
    return model.config._attn_implementation in (DOCUMENT_ATTENTION, BLOCK_ATTENTION, FLASH_ATTENTION)


def watch_attention(model: Any) -> None:
    """Give a model, which training does not use, the attention that is looked at."""
    from transformers import AttentionInterface

    AttentionInterface.register(WATCHED_ATTENTION, attend_watched)
    model.config._attn_implementation = WATCHED_ATTENTION
