"""Causal attention over rows of one length on a CPU, made to be compiled.

Registered once with transformers under the name `BLOCK_ATTENTION`. Forwards it is torch's flash attention (Dao et al.
2022, arXiv:2205.14135), which gives the logarithms of the softmax's denominators along with the output. Backwards the
weights are made again from these, for a block of keys and the queries behind it at a time, by plain operations that the
compiler turns into one pass over the scores; torch's own backward takes twice as long. Nothing as large as the scores
is kept between the two. Shapes depend on the rows' length alone, so documents of any lengths need one compilation.
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

    Returns:
        (1, rows * row_length, num_heads, value_dim) in the dtype of `query`, and None for the weights.
    """
    assert attention_mask is None, "block attention takes no mask"
    assert kwargs.get("softcap") is None, "see why_scores_are_bent"
    assert kwargs.get("s_aux") is None, "see why_scores_are_bent"
    num_rows, length, _ = seen.shape
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if sliding_window is not None:
        positions = torch.arange(length, device=seen.device)
        seen = seen & (positions[:, None] - positions < sliding_window)
    query, key, value = (_by_row(tensor, num_rows) for tensor in (query, key, value))
    output: torch.Tensor = _BlockAttention.apply(query, key, value, seen, scaling, sliding_window or length)  # type: ignore[no-untyped-call]
    return output.transpose(1, 2).flatten(0, 1)[None], None


def register_block_attention() -> None:
    """Make `BLOCK_ATTENTION` known to transformers. Calling it again changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(BLOCK_ATTENTION, attend_in_blocks)


def _by_row(tensor: torch.Tensor, num_rows: int) -> torch.Tensor:
    """(1, heads, rows * row_length, dim) -> (rows, heads, row_length, dim)."""
    num_heads, _, dim = tensor.shape[1:]
    return tensor[0].reshape(num_heads, num_rows, -1, dim).transpose(0, 1)


class _BlockAttention(torch.autograd.Function):
    """Of (rows, heads, length, dim); see `attend_in_blocks`.

    With scores S, weights P = exp(S - L) and output O = P V, where L are the logarithms of the denominators, and the
    gradients dO and dP = dO V': dV = P' dO and dS = P * (dP - sum(dO * O)).
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        seen: torch.Tensor,
        scaling: float,
        window: int,
    ) -> torch.Tensor:
        bias = torch.where(seen[:, None], 0.0, -torch.inf).to(query.dtype)
        group, dim = query.shape[1] // key.shape[1], query.shape[-1]
        # The kernel wants as many keys and values as queries, and all of one size.
        keys, values = (tensor.repeat_interleave(group, dim=1) if group > 1 else tensor for tensor in (key, value))
        if value.shape[-1] != dim:
            values = torch.nn.functional.pad(values, (0, dim - value.shape[-1]))
        padded, normalisers = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, 0.0, True, attn_mask=bias, scale=scaling
        )
        output: torch.Tensor = padded[..., : value.shape[-1]]
        ctx.save_for_backward(query, key, value, seen, output, normalisers)
        ctx.scaling, ctx.window = scaling, window
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, seen, output, normalisers = ctx.saved_tensors
        (gradient,) = gradients
        num_rows, num_kv_heads, length, _ = key.shape
        group = query.shape[1] // num_kv_heads
        # Heads that share keys stand side by side: (rows, kv_heads, group, length, ...), and of matrices
        # (rows * kv_heads, group * length, dim).
        in_groups = (num_rows, num_kv_heads, group, length)
        inner = (gradient.float() * output.float()).sum(-1).view(*in_groups, 1)
        normalisers = normalisers.reshape(*in_groups, 1)
        query_BGTD = query.reshape(num_rows * num_kv_heads, group, length, -1)
        gradient_BGTD = gradient.reshape(num_rows * num_kv_heads, group, length, -1)
        key_BTD, value_BTD = key.flatten(0, 1), value.flatten(0, 1)
        size = max(BLOCK_TOKENS, -(-length // MOST_BLOCKS))
        starts = range(0, length, size)
        of_query: list[torch.Tensor | None] = [None] * len(starts)
        of_key, of_value = [], []
        for first in starts:
            last = min(first + size, length)
            # Whole blocks of queries, of which the last has one that sees the block's last key.
            end = min(length, -(-(last - 1 + ctx.window) // size) * size)
            # Copied once; torch's bmm would copy a slice each time it is given one.
            queries, gradients_out = (
                part[:, :, first:end].flatten(1, 2).contiguous() for part in (query_BGTD, gradient_BGTD)
            )
            keys, values = (part[:, first:last].contiguous() for part in (key_BTD, value_BTD))
            scores = torch.bmm(queries, keys.mT).view(num_rows, num_kv_heads, group, end - first, last - first)
            slopes = torch.bmm(gradients_out, values.mT).view_as(scores)
            scores = scores.float() * ctx.scaling - normalisers[:, :, :, first:end]
            weights = torch.where(seen[:, None, None, first:end, first:last], scores, -torch.inf).exp()
            slopes = weights * (slopes.float() - inner[:, :, :, first:end]) * ctx.scaling
            weights, slopes = (
                part.to(query.dtype).view(len(keys), group * (end - first), last - first) for part in (weights, slopes)
            )
            of_value.append(torch.bmm(weights.mT, gradients_out))
            of_key.append(torch.bmm(slopes.mT, queries))
            # Summed in float32; a bfloat16 sum would lose the small terms.
            for block, part in enumerate(torch.bmm(slopes, keys).float().unflatten(1, (group, -1)).split(size, dim=2)):
                before = of_query[first // size + block]
                of_query[first // size + block] = part if before is None else before + part
        of_queries = torch.cat([part for part in of_query if part is not None], dim=2).to(query.dtype)
        return (
            of_queries.view_as(query),
            torch.cat(of_key, dim=1).view_as(key),
            torch.cat(of_value, dim=1).view_as(value),
            None,
            None,
            None,
        )
