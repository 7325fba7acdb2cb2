"""Attention over a sequence whose tokens lie on several ranks (Jacobs et al. 2023, arXiv:2309.14509).

Each rank holds a part of the tokens with all heads. For the attention ranks exchange, so that each holds all tokens
with a part of the heads, and afterwards back again. What is attended to, and how, is left to the attention there is.
Heads need not divide by ranks: where they do not, some ranks have one more.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from danlu.errors import UserError
from danlu.models.parallel.group import Group
from danlu.models.parallel.sequence import exchange

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, slice], torch.Tensor]
"""From queries (1, heads, tokens, head_dim), keys and values (1, key-value heads, tokens, ...), and which of all heads
the queries are of, to (1, tokens, heads, value_dim)."""


def attend_over_ranks(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, group: Group, attend: Attend
) -> torch.Tensor:
    """Attention of this rank's tokens.

    Args:
        query: (1, num_heads, tokens of this rank, head_dim).
        key: (1, num_kv_heads, tokens of this rank, head_dim).
        value: As `key`, with a head_dim of its own.
        group: The ranks with the parts of the sequence, in order.
        attend: For whole sequences.

    Returns:
        (1, tokens of this rank, num_heads, value_dim).
    """
    num_heads, num_kv_heads = query.shape[1], key.shape[1]
    heads = divided(num_heads, group.size)
    queries_per_key = num_heads // num_kv_heads
    kv_heads = [slice(own.start // queries_per_key, -(-own.stop // queries_per_key)) for own in heads]
    mine, my_kv = heads[group.rank], kv_heads[group.rank]
    whole_query = _tokens_together(query, group, heads)
    whole_key, whole_value = (_tokens_together(tensor, group, kv_heads) for tensor in (key, value))
    if (mine.stop - mine.start) != queries_per_key * (my_kv.stop - my_kv.start):  # the first or last group is cut
        of_query = torch.arange(mine.start, mine.stop, device=query.device) // queries_per_key - my_kv.start
        whole_key, whole_value = whole_key[:, of_query], whole_value[:, of_query]
    output_1THD = attend(whole_query, whole_key, whole_value, mine)
    return _heads_together(output_1THD, group, heads)


def divided(number: int, parts: int) -> list[slice]:
    """`number` things in a row, shared out; the first parts have one more where it does not work out.

    Raises:
        UserError: there are fewer things than parts.
    """
    if number < parts:
        raise UserError(
            f"parallel.context or parallel.tensor: {parts} processes cannot share {number} heads.",
            f"Set it to {number} at most.",
        )
    sizes = [number // parts + (part < number % parts) for part in range(parts)]
    starts = [sum(sizes[:part]) for part in range(parts)]
    return [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def _tokens_together(tensor_1HTD: torch.Tensor, group: Group, heads: list[slice]) -> torch.Tensor:
    """From all heads of some tokens to some heads of all tokens.

    Args:
        tensor_1HTD: (1, heads, tokens of this rank, dim).
        group: The ranks.
        heads: Which heads each rank is to have; a head may go to several.

    Returns:
        (1, heads of this rank, tokens, dim).
    """
    counts = [own.stop - own.start for own in heads]
    num_tokens, dim = tensor_1HTD.shape[2:]
    sent_HTD = torch.cat([tensor_1HTD[0, own] for own in heads])
    mine = counts[group.rank]
    received = exchange(sent_HTD, group, counts, [mine] * group.size)
    by_rank = received.view(group.size, mine, num_tokens, dim)
    return by_rank.transpose(0, 1).reshape(1, mine, group.size * num_tokens, dim)


def _heads_together(output_1THD: torch.Tensor, group: Group, heads: list[slice]) -> torch.Tensor:
    """From some heads of all tokens to all heads of some tokens, (1, tokens, heads, dim) both."""
    counts = [own.stop - own.start for own in heads]
    num_tokens, dim = output_1THD.shape[1] // group.size, output_1THD.shape[3]
    mine = counts[group.rank]
    by_rank = output_1THD.view(group.size, num_tokens, mine, dim).transpose(1, 2)  # (ranks, heads, tokens, dim)
    received_HTD = exchange(by_rank.reshape(-1, num_tokens, dim), group, [mine] * group.size, counts)
    return received_HTD.transpose(0, 1)[None]
