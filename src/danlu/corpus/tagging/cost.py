"""What taggers take of time and memory, besides reading and writing."""

from __future__ import annotations

from danlu.corpus.config import CleanConfig

# Measured on web pages, mails and Chinese news, 20 MB, on one core.
UNICODE_SECONDS_PER_BYTE = 1.0e-7
BOILERPLATE_SECONDS_PER_BYTE = 1.2e-8
LANGUAGE_SECONDS_PER_BYTE = 1.0e-7
SCORER_SECONDS_PER_BYTE = 9e-8
TOXICITY_SECONDS_PER_BYTE = 2.1e-8
LIBRARIES_MEMORY_BYTES = 20 * 2**20
SCORER_MEMORY_BYTES = 100 * 2**20
"""A table of n-grams of some million characters; a classifier has one hundredth of that."""


def tagging_cost(config: CleanConfig) -> tuple[float, int]:
    """Seconds for each byte on one core, and bytes of memory for each process."""
    seconds, memory = 0.0, 0
    for is_asked, its_seconds in (
        (config.unicode is not None, UNICODE_SECONDS_PER_BYTE),
        (config.boilerplate is not None, BOILERPLATE_SECONDS_PER_BYTE),
        (config.language is not None, LANGUAGE_SECONDS_PER_BYTE),
        (config.toxicity is not None, TOXICITY_SECONDS_PER_BYTE),
    ):
        seconds += its_seconds * is_asked
        memory += LIBRARIES_MEMORY_BYTES * is_asked
    if config.scorers:
        seconds += SCORER_SECONDS_PER_BYTE * len(config.scorers)
        memory += SCORER_MEMORY_BYTES * len(config.scorers)
    return seconds, memory
