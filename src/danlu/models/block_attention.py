"""Attention over rows of one length on a CPU, made to be compiled.

Registered once with transformers under the name `BLOCK_ATTENTION`. Scores are made for a block of queries and the keys
they see at a time, by plain operations that the compiler turns into two passes over them. The logarithms of the
softmax's denominators are kept, and backwards the weights are made again from these, for a block of keys and the
queries that see it at a time (Dao et al. 2022, arXiv:2205.14135). Nothing as large as the scores is kept between the
two. Shapes depend on the rows' length alone, so documents of any lengths need one compilation.

Not torch's flash attention: forwards it took 1.7 times as long on a processor without matrix units, and backwards twice
as long on one with them (docs/LOG.md).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from danlu.models.attention import DocumentLayout

BLOCK_ATTENTION = "danlu_blocks"
BLOCK_TOKENS = 128
MOST_BLOCKS = 8
"""Of a row; longer rows have larger blocks, since each block is compiled by itself."""


def tokens_seen(documents: DocumentLayout, device: torch.device | str, *, is_causal: bool = True) -> torch.Tensor:
    """(rows, row_length, row_length) bool: whether the token of the second place sees that of the third.

    Where the layout is not of rows of one length, it is taken for one row.

    Args:
        documents: Where they lie.
        device: Of the result.
        is_causal: Whether a token sees only itself and those before it, or all of its document as in an encoder.
    """
    lengths = torch.tensor(documents.lengths, device=device)
    of_document = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths)
    of_document = of_document.view(-1, documents.row_length or len(of_document))
    seen = of_document[:, :, None] == of_document[:, None, :]
    return seen.tril() if is_causal else seen


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
    is_causal: bool | None = None,
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
        is_causal: Whether tokens see nothing behind them; what the module says if it is not given. `seen` says so too.

    Returns:
        (1, rows * row_length, num_heads, value_dim) in the dtype of `query`, and None for the weights.
    """
    assert attention_mask is None, "block attention takes no mask"
    assert kwargs.get("softcap") is None, "see why_scores_are_bent"
    assert kwargs.get("s_aux") is None, "see why_scores_are_bent"
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    assert causal or sliding_window is None, "encoders attend plainly"
    num_rows, length, _ = seen.shape
    reach = Reach(before=(sliding_window or length) - 1, behind=0 if causal else length - 1)
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if sliding_window is not None:
        positions = torch.arange(length, device=seen.device)
        seen = seen & (positions[:, None] - positions < sliding_window)
    query, key, value = (_by_row(tensor, num_rows) for tensor in (query, key, value))
    output: torch.Tensor = _BlockAttention.apply(query, key, value, seen, scaling, reach)  # type: ignore[no-untyped-call]
    return output.transpose(1, 2).flatten(0, 1)[None], None


def register_block_attention() -> None:
    """Make `BLOCK_ATTENTION` known to transformers. Calling it again changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(BLOCK_ATTENTION, attend_in_blocks)


def _by_row(tensor: torch.Tensor, num_rows: int) -> torch.Tensor:
    """(1, heads, rows * row_length, dim) -> (rows, heads, row_length, dim)."""
    num_heads, _, dim = tensor.shape[1:]
    return tensor[0].reshape(num_heads, num_rows, -1, dim).transpose(0, 1)


def _block_size(length: int) -> int:
    """In tokens, of rows of some length."""
    return max(BLOCK_TOKENS, -(-length // MOST_BLOCKS))


def _grouped(tensor: torch.Tensor, num_kv_heads: int) -> torch.Tensor:
    """(rows * num_kv_heads, heads / num_kv_heads, length, dim) from (rows, heads, length, dim)."""
    num_rows, num_heads, length, dim = tensor.shape
    return tensor.reshape(num_rows * num_kv_heads, num_heads // num_kv_heads, length, dim)


class Reach(NamedTuple):
    """How far from a token those are that it may see, in tokens."""

    before: int
    behind: int

    def keys(self, first: int, last: int, size: int, length: int) -> tuple[int, int]:
        """From where to where the keys lie that some of the queries from `first` to `last` see, in whole blocks."""
        return _whole_blocks(first - self.before, last + self.behind, size, length)

    def queries(self, first: int, last: int, size: int, length: int) -> tuple[int, int]:
        """From where to where the queries lie that see some of the keys from `first` to `last`, in whole blocks."""
        return _whole_blocks(first - self.behind, last + self.before, size, length)


def _whole_blocks(begin: int, end: int, size: int, length: int) -> tuple[int, int]:
    return max(0, begin // size * size), min(length, -(-end // size) * size)


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
        reach: Reach,
    ) -> torch.Tensor:
        num_rows, num_kv_heads, length, _ = key.shape
        group = query.shape[1] // num_kv_heads
        query_BGTD = _grouped(query, num_kv_heads)
        key_BTD, value_BTD = key.flatten(0, 1), value.flatten(0, 1)
        size = _block_size(length)
        outputs, normalisers = [], []
        for first in range(0, length, size):
            last = min(first + size, length)
            begin, end = reach.keys(first, last, size, length)
            queries = query_BGTD[:, :, first:last].flatten(1, 2).contiguous()
            keys, values = (part[:, begin:end].contiguous() for part in (key_BTD, value_BTD))
            scores = torch.bmm(queries, keys.mT).view(num_rows, num_kv_heads, group, last - first, end - begin)
            scores = torch.where(seen[:, None, None, first:last, begin:end], scores.float() * scaling, -torch.inf)
            largest = scores.amax(-1, keepdim=True)
            weights = (scores - largest).exp()
            sums = weights.sum(-1, keepdim=True)
            normalisers.append(largest + sums.log())
            if query.dtype == torch.float16:  # of which the largest number is less than sums may be
                weights, sums = weights / sums, torch.ones_like(sums)
            weights = weights.to(query.dtype).view(len(keys), group * (last - first), end - begin)
            products = torch.bmm(weights, values).view(num_rows, num_kv_heads, group, last - first, -1)
            outputs.append((products / sums).to(query.dtype))
        output = torch.cat(outputs, dim=3).flatten(1, 2)
        ctx.save_for_backward(query, key, value, seen, output, torch.cat(normalisers, dim=3))
        ctx.scaling, ctx.reach = scaling, reach
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
        query_BGTD, gradient_BGTD = (_grouped(part, num_kv_heads) for part in (query, gradient))
        key_BTD, value_BTD = key.flatten(0, 1), value.flatten(0, 1)
        size = _block_size(length)
        starts = range(0, length, size)
        of_query: list[torch.Tensor | None] = [None] * len(starts)
        of_key, of_value = [], []
        for first in starts:
            last = min(first + size, length)
            begin, end = ctx.reach.queries(first, last, size, length)
            # Copied once; torch's bmm would copy a slice each time it is given one.
            queries, gradients_out = (
                part[:, :, begin:end].flatten(1, 2).contiguous() for part in (query_BGTD, gradient_BGTD)
            )
            keys, values = (part[:, first:last].contiguous() for part in (key_BTD, value_BTD))
            scores = torch.bmm(queries, keys.mT).view(num_rows, num_kv_heads, group, end - begin, last - first)
            slopes = torch.bmm(gradients_out, values.mT).view_as(scores)
            scores = scores.float() * ctx.scaling - normalisers[:, :, :, begin:end]
            weights = torch.where(seen[:, None, None, begin:end, first:last], scores, -torch.inf).exp()
            slopes = weights * (slopes.float() - inner[:, :, :, begin:end]) * ctx.scaling
            weights, slopes = (
                part.to(query.dtype).view(len(keys), group * (end - begin), last - first) for part in (weights, slopes)
            )
            of_value.append(torch.bmm(weights.mT, gradients_out))
            of_key.append(torch.bmm(slopes.mT, queries))
            # Summed in float32; a bfloat16 sum would lose the small terms.
            for block, part in enumerate(torch.bmm(slopes, keys).float().unflatten(1, (group, -1)).split(size, dim=2)):
                before = of_query[begin // size + block]
                of_query[begin // size + block] = part if before is None else before + part
        of_queries = torch.cat([part for part in of_query if part is not None], dim=2).to(query.dtype)
        return (
            of_queries.view_as(query),
            torch.cat(of_key, dim=1).view_as(key),
            torch.cat(of_value, dim=1).view_as(value),
            None,
            None,
            None,
        )
