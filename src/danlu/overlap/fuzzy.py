"""Held-out rows that stand in documents with a word changed here and there.

Where a document has at least two short n-grams of a row, the units around most of them are compared with the row: the
similarity is twice the units that both have in the same order, over the units of both (1: they are equal).
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from danlu.overlap.index import CHARACTERS_PER_WORD
from danlu.overlap.units import Hashes, Places, Units, grams

SEED_WORDS = 4
"""Of the short n-grams that say where to look."""
FEWEST_SEEDS = 2
MOST_LOOKS = 8
"""Rows that a document is compared with, those with the most n-grams in common."""
MOST_UNITS = 1000
"""Of a row; of a longer one, its beginning."""


class FuzzyIndex:
    """Rows to be looked for.

    Args:
        texts: Of the rows.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        units = Units.of(texts)
        self._rows = [units.text(number)[:MOST_UNITS] for number in range(len(units))]
        shares = [
            float(units.is_single[a:b].mean()) if b > a else 0.0
            for a, b in zip(units.offsets[:-1], units.offsets[1:], strict=True)
        ]
        self._tables = []
        for length, mine in (
            (SEED_WORDS, [share < 0.5 for share in shares]),
            (round(SEED_WORDS * CHARACTERS_PER_WORD), [share >= 0.5 for share in shares]),
        ):
            hashes, owners, _ = grams(units, length)
            chosen = np.array(mine, np.bool_)[owners] if len(owners) else np.zeros(0, np.bool_)
            order = np.argsort(hashes[chosen], kind="stable")
            self._tables.append((length, hashes[chosen][order], owners[chosen][order]))

    def find(self, units: Units) -> list[list[tuple[int, float]]]:
        """For each text the rows that were compared with it, and their similarity (0 to 1)."""
        found: list[list[tuple[int, float]]] = [[] for _ in range(len(units))]
        for length, keys, rows in self._tables:
            hashes, owners, firsts = grams(units, length)
            low, high = np.searchsorted(keys, hashes, "left"), np.searchsorted(keys, hashes, "right")
            hits = np.flatnonzero(high > low)
            seeds: dict[tuple[int, int], list[int]] = {}
            for hit in hits.tolist():
                for row in set(rows[low[hit] : high[hit]].tolist()):
                    seeds.setdefault((int(owners[hit]), row), []).append(int(firsts[hit]))
            by_text: dict[int, list[tuple[int, list[int]]]] = {}
            for (text, row), places in seeds.items():
                if len(places) >= FEWEST_SEEDS:
                    by_text.setdefault(text, []).append((row, places))
            for text, looks in by_text.items():
                looks.sort(key=lambda look: (-len(look[1]), look[0]))
                for row, places in looks[:MOST_LOOKS]:
                    found[text].append((row, self._similarity(units, text, row, np.array(places))))
        return found

    def _similarity(self, units: Units, text: int, row: int, places: Places) -> float:
        """Of a row and the stretch of a text that has the most seeds."""
        wanted = self._rows[row]
        size = len(wanted)
        densest = int(np.argmax(np.searchsorted(places, places + size) - np.arange(len(places))))
        margin = size // 2
        first = max(int(units.offsets[text]), int(places[densest]) - margin)
        end = min(int(units.offsets[text + 1]), int(places[densest]) + size + margin)
        return similarity(wanted, units.hashes[first:end])


def similarity(wanted: Hashes, around: Hashes) -> float:
    """Of some units and the stretch of others from the first to the last that both have."""
    matcher = SequenceMatcher(None, wanted.tolist(), around.tolist(), autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return 0.0
    stretch = blocks[-1].b + blocks[-1].size - blocks[0].b
    return 2 * sum(block.size for block in blocks) / (len(wanted) + stretch)
