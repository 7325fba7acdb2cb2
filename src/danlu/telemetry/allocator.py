"""What glibc's allocator does with freed memory, and how large the pages are that the system gives.

Each step of a training frees what it took. By itself glibc hands large pieces back to the system at once, and the next
step waits for the same pages to be emptied and mapped again: 30,000 pages of 4 KiB in a step of 4,096 tokens of a Llama
of 17 million weights. Kept, and in pages of 2 MiB, they are mapped once, and a core looks up 500 times fewer of them:
that step became 1.10 times as fast; neither alone did much (docs/LOG.md).

A thread takes its memory from an arena, of which glibc makes up to eight for each core, and what is free in one is not
free for another. A training's threads come and go, so kept memory ended up in ever more of them: with an arena for each
core the same training holds 1,339 MiB instead of 1,682.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Of mallopt(3).
TRIM_THRESHOLD, MAPPING_THRESHOLD, MOST_MAPPED_PIECES, MOST_ARENAS = -1, -3, -4, -8
KEEPING = {MOST_MAPPED_PIECES: 0, TRIM_THRESHOLD: 2**31 - 1}
BY_ITSELF = {MOST_MAPPED_PIECES: 65536, MAPPING_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}
"""To which glibc comes by itself once large pieces were freed; after mallopt it no longer changes its thresholds."""


def ask_for_huge_pages() -> None:
    """Let torch ask for pages of 2 MiB for its larger CPU tensors, where the system leaves that to programs.

    A choice the user has made stays. torch reads this with its first tensor, so call it before.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def limit_arenas(num_cores: int) -> None:
    """Let all threads together use one arena for each core, and two at least: with one, they wait for one another.

    A choice the user has made stays. Arenas that are there stay too, so call it before threads are started.
    """
    if "MALLOC_ARENA_MAX" not in os.environ and "arena_max" not in os.environ.get("GLIBC_TUNABLES", ""):
        _set({MOST_ARENAS: max(num_cores, 2)})


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory for what is allocated next, until the end of the body."""
    _set(KEEPING)
    try:
        yield
    finally:
        _set(BY_ITSELF)
        release_memory()


def release_memory() -> None:
    """Collect garbage and give free heap pages back to the system (glibc keeps them otherwise)."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _set(options: dict[int, int]) -> None:
    if sys.platform == "linux":
        for option, value in options.items():
            ctypes.CDLL(None).mallopt(option, value)
