"""What it will take to cut repeats out of texts and to compare what they mean.

Measured with 100 MB of packages' sources and manuals, and with all-MiniLM-L6-v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from danlu.corpus.config import CleanConfig
from danlu.hardware.machine import num_usable_cores

KINDS = ("paragraphs", "lines", "substrings")
FINDING_SECONDS_PER_BYTE = {"paragraphs": 2.5e-8, "lines": 9e-8, "substrings": 1e-7}
SORTING_SECONDS_PER_BYTE = {"paragraphs": 4e-9, "lines": 1e-8, "substrings": 5e-8}
"""In one process, over all parts."""
CUTTING_SECONDS_PER_BYTE = 2e-8
MEMORY_BYTES = {"paragraphs": 60 * 2**20, "lines": 100 * 2**20, "substrings": 220 * 2**20}
DISK_PER_BYTE = {"paragraphs": 0.1, "lines": 0.6, "substrings": 3.5}
"""Of files that come and go; of passages 16 bytes for each character that repeats."""
EMBEDDING_SECONDS = 1.3e-11
"""For a token and a parameter of the encoder, on one core."""
BYTES_OF_A_DOCUMENT = 2000
EMBEDDING_MEMORY_BYTES = 500 * 2**20


@dataclass
class RepeatsCost:
    """On top of everything else."""

    divided_seconds: float = 0.0
    """Of what processes share."""
    seconds: float = 0.0
    """Of what one process does."""
    memory_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def repeats_cost(config: CleanConfig, num_bytes: int, model: Mapping[str, Any]) -> RepeatsCost:
    """For so many bytes of sources.

    Args:
        config: Of the stage.
        num_bytes: Of the sources.
        model: Facts of the encoder that gives embeddings; empty if there is none.
    """
    cost = RepeatsCost()
    settings = config.deduplicate
    kinds = [kind for kind in KINDS if getattr(settings, kind) is not None]
    if kinds:
        cost.divided_seconds += num_bytes * CUTTING_SECONDS_PER_BYTE
        cost.divided_seconds += num_bytes * sum(FINDING_SECONDS_PER_BYTE[kind] for kind in kinds)
        cost.seconds += num_bytes * sum(SORTING_SECONDS_PER_BYTE[kind] for kind in kinds)
        cost.memory_bytes += max(MEMORY_BYTES[kind] for kind in kinds)
        disk = num_bytes * (1 + sum(DISK_PER_BYTE[kind] for kind in kinds))
        cost.notes.append(f"cutting needs some {disk / 10**6:,.0f} MB of disk while it runs")
    if settings.semantic is not None:
        tokens = num_bytes / BYTES_OF_A_DOCUMENT * settings.semantic.max_tokens
        cost.seconds += tokens * float(model.get("num_parameters", 0)) * EMBEDDING_SECONDS / num_usable_cores()
        cost.memory_bytes += EMBEDDING_MEMORY_BYTES
        cost.notes.append(f"takes documents of {BYTES_OF_A_DOCUMENT:,} bytes for granted in the time for embeddings")
    return cost
