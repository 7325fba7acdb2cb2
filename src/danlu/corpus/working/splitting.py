"""Which side each item is on, over all parts, once it is known which items stay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from danlu.corpus.mixing import mix
from danlu.corpus.splitting.config import SplitConfig
from danlu.corpus.splitting.report import facts_of
from danlu.corpus.splitting.sides import Hashes, Integers, Sides, bounds, sides_of
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.likeness import SimilarItems, suspected
from danlu.corpus.working.repeated_items import Repetitions
from danlu.telemetry.reporter import Reporter


@dataclass(frozen=True)
class Split:
    """What came of the settings."""

    sides: Sides
    """Of all items, also of those that do not stay."""
    facts: dict[str, Any]
    """See `danlu.corpus.splitting.report.facts_of`."""


def split_items(
    parts: AllParts,
    left_out: Repetitions,
    config: SplitConfig,
    items: SimilarItems,
    scratch: Path,
    reporter: Reporter,
) -> Split:
    """Decide on all of them.

    Args:
        parts: All of them.
        left_out: Items that do not stay; they count for nothing.
        config: What is asked for.
        items: What is compared of them.
        scratch: Where files may be put for a while.
        reporter: Shows progress.
    """
    sides = np.zeros(parts.num_items, np.int8)
    stays = np.ones(parts.num_items, np.bool_)
    stays[left_out.rows] = False
    stays[: parts.num_earlier] = False
    if not config.holds_out or not stays.any():
        return Split(sides, {})
    positions = parts.numbers("position", np.uint64)
    num_together = None
    if config.keep_together is not None:
        before = positions
        positions = _together(parts, positions, stays, config.keep_together, items, scratch, reporter)
        num_together = _num_in_company(positions[stays]) - _num_in_company(before[stays])
    positions = positions[stays]
    names, classes = _classes(parts, stays) if config.stratified is not None else ([], None)
    moments = parts.numbers("moment", np.float64)[stays]
    sides[stays] = sides_of(positions, classes, moments, config)
    facts = facts_of(
        sides[stays],
        config,
        groups=positions if config.by == "group" else None,
        classes=classes,
        class_names=names,
        bounds=bounds(moments, config) if config.by == "time" else None,
        num_together=num_together,
    )
    return Split(sides, facts)


def _classes(parts: AllParts, stays: npt.NDArray[np.bool_]) -> tuple[list[str], Integers]:
    """The names of the classes in order, and the number of each item that stays."""
    words = parts.words("stratum").filter(stays).combine_chunks().dictionary_encode()
    order = pc.array_sort_indices(words.dictionary).to_numpy()
    number_of = np.empty(len(order), np.int64)
    number_of[order] = np.arange(len(order))
    return words.dictionary.take(order).to_pylist(), number_of[words.indices.to_numpy()]


def _together(
    parts: AllParts,
    positions: Hashes,
    stays: npt.NDArray[np.bool_],
    threshold: float,
    items: SimilarItems,
    scratch: Path,
    reporter: Reporter,
) -> Hashes:
    """The positions, of which all rows that are connected by likeness, or by a group, have one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from danlu.corpus.duplicates.clusters import clusters

    with (
        suspected(parts, threshold, stays, scratch) as suspects,
        reporter.progress("finding what is to be kept together", len(suspects.rows), "rows") as task,
    ):
        first_alike = clusters(suspects, items, threshold, task.advance)
    places, place_of = np.unique(positions[suspects.rows], return_inverse=True)
    pairs = (np.ones(len(place_of), np.bool_), (place_of, place_of[first_alike]))
    _, together = connected_components(coo_array(pairs, shape=(len(places), len(places))), directed=False)
    found = np.searchsorted(places, positions)
    found[found == len(places)] = 0
    is_there = places[found] == positions if len(places) else np.zeros(len(positions), np.bool_)
    changed = positions.copy()
    changed[is_there] = _drawn(places, together)[found[is_there]]
    return changed


def _drawn(places: Hashes, together: Integers) -> Hashes:
    """For each position, the one that all it is together with take: that with the least hash, so that many together are
    held out as likely as one, and the order of rows does not matter."""
    order = np.lexsort((mix(places), together))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = together[order[1:]] != together[order[:-1]]
    chosen = np.empty(len(places), np.uint64)
    chosen[order] = places[order[begins]][np.cumsum(begins) - 1]
    return chosen


def _num_in_company(positions: Hashes) -> int:
    """Rows that have their position in common with others."""
    counts = np.unique(positions, return_counts=True)[1]
    return int(counts[counts > 1].sum())
