"""What an export will cost. Constants were measured on two cores with SmolLM2-135M (134.5 million weights)."""

from __future__ import annotations

from danlu.compression.config import FormatName

LOADING_SECONDS = 9.0
"""Importing torch, transformers and peft, loading tokenizers, starting llama.cpp: all that does not grow."""
FORWARD_FLOPS = 80e9
"""Multiplications and additions a second in a forward pass in float32; a token takes two for each weight."""
SECONDS_PER_WEIGHT: dict[FormatName, float] = {"hf": 10e-9, "gguf-f16": 12e-9, "gguf-q8_0": 25e-9}
"""Encoding, writing and reading back."""
MERGE_SECONDS_PER_WEIGHT = 12e-9


def seconds(num_parameters: int, formats: list[FormatName], num_tokens: int) -> float:
    """Merging, then for each format writing, reading back and one pass over the probe; and one of the trained model."""
    passes = 1 + len(formats)
    forward = passes * 2.0 * num_parameters * num_tokens / FORWARD_FLOPS
    per_weight = MERGE_SECONDS_PER_WEIGHT + sum(SECONDS_PER_WEIGHT[name] for name in formats)
    return LOADING_SECONDS + forward + per_weight * num_parameters


def peak_memory_bytes(num_parameters: int, before: int) -> int:
    """One float32 model at a time, its largest parts once more while they are merged, encoded or decoded."""
    return int(before + 1.6 * 4 * num_parameters)
