"""What an export will cost.

Constants were measured with SmolLM2-135M (134.5 million weights, 49,152 tokens) on one core of an Intel Xeon with
AVX-512: 25 to 32 s and 2.7 GB in all for three formats and 1,000 positions, in a process that has loaded its libraries.
"""

from __future__ import annotations

from danlu.compression.config import FormatName
from danlu.compression.limits import MAX_EXACT_TOKENS

STARTING_SECONDS = 1.0
"""Loading what does not grow."""
SECONDS_PER_GGUF_TOKEN = 65e-6
"""Writing and reading back the vocabulary, for each of its tokens; most of it in gguf.GGUFReader."""
SECONDS_PER_WEIGHT: dict[FormatName, float] = {"hf": 8e-9, "gguf-f16": 16e-9, "gguf-q8_0": 20e-9}
"""Encoding, writing and reading back."""
MERGE_SECONDS_PER_WEIGHT = 6e-9
WEIGHTS_PER_SECOND = 50e9
"""Weights a token meets in a forward pass in float32; in float64 half as many."""
ADAPTER_FACTOR = 1.4
"""An unmerged adapter makes a forward pass that much longer."""
SECONDS_PER_LOGIT = 40e-9
"""Comparing two distributions, for each entry."""


def seconds(num_parameters: int, vocabulary_size: int, formats: list[FormatName], num_tokens: int) -> float:
    """The trained model's passes, merging, and for each format writing, reading back, one pass and the comparison."""
    num_gguf = sum(name != "hf" for name in formats)
    exact_tokens = min(MAX_EXACT_TOKENS, num_tokens)
    passes = (ADAPTER_FACTOR + num_gguf) * num_tokens + 2 * 2 * exact_tokens
    compared = num_gguf * num_tokens + exact_tokens
    per_weight = MERGE_SECONDS_PER_WEIGHT + sum(SECONDS_PER_WEIGHT[name] for name in formats)
    return (
        STARTING_SECONDS
        + SECONDS_PER_GGUF_TOKEN * vocabulary_size * num_gguf
        + per_weight * num_parameters
        + passes * num_parameters / WEIGHTS_PER_SECOND
        + compared * vocabulary_size * SECONDS_PER_LOGIT
    )


def peak_memory_bytes(num_parameters: int, before: int) -> int:
    """One model in float64 beside the float32 file it is read from, whose mapped pages count too."""
    return before + (8 + 4) * num_parameters
