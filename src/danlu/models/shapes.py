"""Few shapes instead of many: sequences are filled up to a multiple of some tokens before a model sees them.

oneDNN, which multiplies bfloat16 matrices on a CPU, compiles a kernel for each new shape and keeps the last 1,024 of
them. With sequences of every length, SmolLM2-135M's products took 35 ms where shapes seen before took 12, and the
kernels kept held 0.4 GB after 50 sequences. What is filled in comes last, as a document of its own, so a causal model's
other tokens do not see it.
"""

from __future__ import annotations

MULTIPLE_TOKENS = 32
"""Two rows of AMX's 16-row tiles; on average 16 tokens are computed for nothing."""


def filling(num_tokens: int, multiple: int = MULTIPLE_TOKENS) -> int:
    """How many tokens to append to a sequence of `num_tokens`, to fill it up to a multiple."""
    return -num_tokens % multiple
