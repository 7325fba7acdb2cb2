"""Which items repeat others, exactly or nearly, over all parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from danlu.corpus.config import DeduplicateConfig
from danlu.corpus.dropped import EXACT, IN_ANOTHER, NEAR
from danlu.corpus.duplicates.exact import repeated
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.likeness import SimilarItems, suspected
from danlu.corpus.working.repeated_items import Numbers, Repetitions, Similarities
from danlu.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from danlu.corpus.duplicates.near import Found


def repetitions(
    parts: AllParts,
    settings: DeduplicateConfig,
    before: Repetitions,
    items: SimilarItems,
    scratch: Path,
    reporter: Reporter,
) -> Repetitions:
    """Items of the parts to leave out, as the settings say.

    Args:
        parts: All of them.
        settings: What is looked for.
        before: Items that are left out already; they have keys that no other has, and nothing repeats them.
        items: What is compared of them.
        scratch: Where files may be put for a while.
        reporter: Shows progress.
    """
    found = before
    if settings.exact:
        rows, firsts = repeated(parts.keys, parts.num_items)
        found = Repetitions.together([found, *_of(EXACT, rows, firsts, np.full(len(rows), np.nan), parts.num_earlier)])
    if settings.near is not None:
        near = _near(parts, settings.near, found.rows, items, scratch, reporter)
        empty = np.zeros(0, np.int64)
        rows = np.concatenate([empty, *(block.rows for block in near)])
        firsts = np.concatenate([empty, *(block.firsts for block in near)])
        similarities = np.concatenate([np.zeros(0), *(block.similarities for block in near)])
        found = Repetitions.together([found, *_of(NEAR, rows, firsts, similarities, parts.num_earlier)])
    return found.since(parts.num_earlier)  # other artifacts may repeat themselves


def _of(
    reason: str, rows: Numbers, firsts: Numbers, similarities: Similarities, num_earlier: int
) -> tuple[Repetitions, Repetitions]:
    """Items that repeat others of the parts, and those that repeat others of other artifacts."""
    there = firsts < num_earlier
    return (
        Repetitions.of(reason, rows[~there], firsts[~there], similarities[~there]),
        Repetitions.of(reason + IN_ANOTHER, rows[there], firsts[there], similarities[there]),
    )


def _near(
    parts: AllParts, threshold: float, gone: Numbers, items: SimilarItems, scratch: Path, reporter: Reporter
) -> list[Found]:
    from danlu.corpus.duplicates.near import find

    takes_part = np.ones(parts.num_items, np.bool_)
    takes_part[gone] = False
    blocks = []
    with (
        suspected(parts, threshold, takes_part, scratch) as suspects,
        reporter.progress("comparing what may be alike", len(suspects.rows), "rows") as task,
    ):
        done = 0
        for block in find(suspects, items, threshold, parts.num_earlier):
            blocks.append(block)
            now = int(np.searchsorted(suspects.rows, block.last, side="right"))
            task.advance(now - done)
            done = now
    return blocks
