"""Causal attention over packed documents on a GPU: torch's flash attention for sequences of many lengths.

Registered once with transformers under the name `FLASH_ATTENTION`. All documents of a micro-batch go through one kernel
(Dao 2023, arXiv:2307.08691), which is told where they lie; no mask is built, and no pair of tokens of two documents is
looked at. Shapes depend on the number of tokens and, in few steps, on that of documents, so layers can be compiled.
"""

from __future__ import annotations

from typing import Any

import torch

from danlu.models.attention import DocumentLayout
from danlu.models.gguf.config import head_size_of

FLASH_ATTENTION = "danlu_varlen"
"""Not flash by name, since transformers looks for a library where it reads that word."""
FEWEST_BOUNDARIES = 128
"""Below, it does not pay to tell numbers of documents apart."""
LARGEST_HEAD = 256
HEAD_MULTIPLE = 8


def why_not_flash(config: Any, dtype: torch.dtype) -> str | None:
    """Why torch's flash attention cannot serve a model of this transformers config; None if it can.

    Args:
        config: Of a model whose attention scores nothing bends (see `danlu.models.attention.why_scores_are_bent`).
        dtype: Of the passes.
    """
    if dtype not in (torch.bfloat16, torch.float16):
        return "flash attention takes bf16 and fp16 only"
    head_size = head_size_of(config.get_text_config())
    if head_size > LARGEST_HEAD or head_size % HEAD_MULTIPLE:
        return f"flash attention takes heads of 8, 16, ... {LARGEST_HEAD}, and these have {head_size}"
    return None


def boundaries(documents: DocumentLayout, device: torch.device | str) -> torch.Tensor:
    """(n,) int32: where documents begin, then the end of the sequence, until n is a power of two."""
    ends = torch.tensor(documents.lengths, dtype=torch.int32).cumsum(0, dtype=torch.int32)
    size = max(FEWEST_BOUNDARIES, 1 << len(ends).bit_length())
    places = torch.full((size,), int(ends[-1]), dtype=torch.int32)
    places[0] = 0
    places[1 : 1 + len(ends)] = ends
    return places.to(device)


def attend_with_flash(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    boundaries: torch.Tensor,
    longest: int,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention function with the signature transformers' attention interface asks for. Drops nothing.

    Args:
        query: (1, num_heads, num_tokens, head_dim).
        key: (1, num_kv_heads, num_tokens, head_dim); num_kv_heads divides num_heads.
        value: (1, num_kv_heads, num_tokens, value_dim); value_dim is not above head_dim.
        attention_mask: Must be None; `boundaries` says it all.
        boundaries: As the function of that name gives them.
        longest: No document is longer, in tokens.
        scaling: Factor on the scores; 1/sqrt(head_dim) if not given.
        sliding_window: A token sees itself and the `sliding_window` - 1 tokens before it.

    Returns:
        (1, num_tokens, num_heads, value_dim) in the dtype of `query`, and None for the weights.
    """
    from torch.nn.attention.varlen import varlen_attn  # brings torch's compiler along, which takes seconds

    assert attention_mask is None, "flash attention takes no mask"
    value_dim, missing = value.shape[-1], query.shape[-1] - value.shape[-1]
    if missing:  # the kernel wants heads of one size
        value = torch.nn.functional.pad(value, (0, missing))
    output = varlen_attn(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        boundaries,
        boundaries,
        longest,
        longest,
        scale=scaling,
        window_size=(-1 if sliding_window is None else sliding_window - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(output, torch.Tensor)
    return output[None, ..., :value_dim], None


def register_flash_attention() -> None:
    """Make `FLASH_ATTENTION` known to transformers. Calling it again changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(FLASH_ATTENTION, attend_with_flash)
