"""Causal attention over rows of one length, in blocks of queries, made to be compiled.

Registered once with transformers under the name `BLOCK_ATTENTION`. Every block of queries is multiplied with the keys
before it only, in the model's dtype, with the softmax in float32, by plain operations that the compiler turns into few
passes over memory. Compiled, forward and backward take a third of the time of torch's own attention on a CPU; not
compiled, they take longer. Shapes depend on the rows' length alone, so documents of any lengths need one compilation.
"""

from __future__ import annotations

from typing import Any

import torch

from danlu.models.attention import DocumentLayout

BLOCK_ATTENTION = "danlu_blocks"
BLOCK_TOKENS = 128
MOST_BLOCKS = 8
"""Of a row; longer rows have larger blocks, since each block is compiled by itself."""


def tokens_seen(documents: DocumentLayout, device: torch.device | str) -> torch.Tensor:
    """(rows, row_length, row_length) bool: whether the token of the second place sees that of the third.

    Where the layout is not of rows of one length, it is taken for one row.
    """
    lengths = torch.tensor(documents.lengths, device=device)
    of_document = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths)
    of_document = of_document.view(-1, documents.row_length or len(of_document))
    return (of_document[:, :, None] == of_document[:, None, :]).tril()


def attend_in_blocks(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    seen: torch.Tensor,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention function with the signature transformers' attention interface asks for. Drops nothing.

    Args:
        query: (1, num_heads, rows * row_length, head_dim).
        key: (1, num_kv_heads, rows * row_length, head_dim); num_kv_heads divides num_heads.
        value: (1, num_kv_heads, rows * row_length, value_dim).
        attention_mask: Must be None; `seen` says it all.
        seen: As `tokens_seen` gives it.
        scaling: Factor on the scores; 1/sqrt(head_dim) if not given.
        sliding_window: A token sees itself and the `sliding_window` - 1 tokens before it.
        softcap: Scores are squashed to +-softcap by tanh (Gemma 2).
        s_aux: (num_heads,) a score per head that takes part in the softmax and points to no token (gpt-oss).

    Returns:
        (1, rows * row_length, num_heads, value_dim) in the dtype of `query`, and None for the weights.
    """
    assert attention_mask is None, "block attention takes no mask"
    num_rows, length, _ = seen.shape
    num_kv_heads = key.shape[1]
    group = query.shape[1] // num_kv_heads
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    # Heads that share keys stand side by side: (rows * kv_heads, group, length, dim).
    query_BGTD = _by_row(query, num_rows).reshape(num_rows * num_kv_heads, group, length, query.shape[-1])
    key_BTD, value_BTD = (_by_row(tensor, num_rows).flatten(0, 1) for tensor in (key, value))
    size = max(BLOCK_TOKENS, -(-length // MOST_BLOCKS))
    outputs = []
    for first in range(0, length, size):
        last = min(first + size, length)
        begin = max(0, first + 1 - sliding_window) if sliding_window is not None else 0
        queries_BND = query_BGTD[:, :, first:last].flatten(1, 2)
        scores = torch.bmm(queries_BND, key_BTD[:, begin:last].transpose(1, 2)).float() * scaling
        scores = scores.view(num_rows, num_kv_heads, group, last - first, last - begin)
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        visible = seen[:, None, None, first:last, begin:last]
        if sliding_window is not None:
            visible = visible & _within_window(first, last, begin, sliding_window, seen.device)
        weights = _softmax(torch.where(visible, scores, -torch.inf), s_aux).to(query.dtype)
        outputs.append(torch.bmm(weights.view(-1, group * (last - first), last - begin), value_BTD[:, begin:last]))
    blocks = [block.view(num_rows, num_kv_heads * group, -1, value.shape[-1]) for block in outputs]
    return torch.cat(blocks, dim=2).transpose(1, 2).flatten(0, 1)[None], None


def register_block_attention() -> None:
    """Make `BLOCK_ATTENTION` known to transformers. Calling it again changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(BLOCK_ATTENTION, attend_in_blocks)


def _by_row(tensor: torch.Tensor, num_rows: int) -> torch.Tensor:
    """(1, heads, rows * row_length, dim) -> (rows, heads, row_length, dim)."""
    num_heads, _, dim = tensor.shape[1:]
    return tensor[0].reshape(num_heads, num_rows, -1, dim).transpose(0, 1)


def _within_window(first: int, last: int, begin: int, window: int, device: torch.device) -> torch.Tensor:
    """(last - first, last - begin) bool: whether a key is not too far behind a query."""
    queries, keys = torch.arange(first, last, device=device), torch.arange(begin, last, device=device)
    return queries[:, None] - keys < window


def _softmax(scores: torch.Tensor, sinks: torch.Tensor | None) -> torch.Tensor:
    """Over the last of (rows, kv_heads, group, queries, keys), with a further score per head that gets no weight."""
    if sinks is None:
        return scores.softmax(-1)
    num_rows, num_kv_heads, group, num_queries, num_keys = scores.shape
    extra = sinks.float().view(1, num_kv_heads, group, 1, 1).expand(num_rows, -1, -1, num_queries, 1)
    return torch.cat([scores, extra], dim=-1).softmax(-1)[..., :num_keys]
