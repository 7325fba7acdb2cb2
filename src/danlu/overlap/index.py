"""Held-out rows, to be looked for in any number of documents: by n-grams of words.

Of each row, which share of its n-grams a document has (Brown et al. 2020, arXiv:2005.14165, appendix C, took one of 13
words for enough; Chowdhery et al. 2022, arXiv:2204.02311, section 8, a share of 70 %). The rows are few and the
documents many: hashes of the rows' n-grams are held sorted, and nearly all of the documents' are turned away by one
bit each.

A row whose units are Chinese or Japanese characters for the most part is looked for by runs of characters that are 1.6
times as long, as many as make a word on average. A row that is shorter than an n-gram is looked for by shorter ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.overlap.units import Hashes, Places, Units, grams

CHARACTERS_PER_WORD = 1.6
SHORTER = (1.0, 0.6, 0.4)
"""Lengths of n-grams, as shares of what is asked for: a row takes the longest that it has."""
FEWEST_UNITS = 4
"""Of an n-gram; two texts have fewer words in common by chance."""
MOST_ROWS = 10
"""An n-gram of more rows than this is a turn of phrase (an instruction, a licence) and tells nothing."""
FILTER_BITS = 24


@dataclass(frozen=True)
class _Table:
    """The n-grams of one length."""

    length: int
    keys: Hashes
    """Sorted, each once."""
    first_row: Places
    """Shape (keys + 1,): where the rows of each begin."""
    rows: Places
    may_be: npt.NDArray[np.bool_]
    """Whether some key has these highest bits."""


@dataclass(frozen=True)
class Found:
    """Pairs of a text and a row that have n-grams in common, by text, then by row."""

    texts: Places
    rows: Places
    shares: npt.NDArray[np.float64]
    """Of the row's n-grams, the share that the text has, above 0."""


class RowIndex:
    """Rows to be looked for.

    Args:
        texts: Of the rows.
        ngram: Words of an n-gram.
    """

    def __init__(self, texts: Sequence[str], ngram: int) -> None:
        units = Units.of(texts)
        self.num_rows = len(units)
        self.num_grams = np.zeros(self.num_rows, np.int64)
        """Of each row, different ones; 0 where a row is too short, or all turns of phrase."""
        chosen = _gram_lengths(units, ngram)
        self._tables = [self._table(units, chosen, int(length)) for length in np.unique(chosen[chosen > 0])]

    def find(self, units: Units) -> Found:
        """What documents have of the rows."""
        pairs = [self._pairs(units, table) for table in self._tables]
        if not pairs:
            return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        # Each row is in one table, so that no pair is in two.
        texts, rows, counts = (np.concatenate([pair[part] for pair in pairs]) for part in range(3))
        order = np.lexsort((rows, texts))
        texts, rows, counts = texts[order], rows[order], counts[order]
        return Found(texts, rows, counts / self.num_grams[rows])

    def _table(self, units: Units, chosen: Places, length: int) -> _Table:
        hashes, owners, _ = grams(units, length)
        mine = chosen[owners] == length
        pairs = np.unique(np.stack([hashes[mine], owners[mine].astype(np.uint64)], axis=1), axis=0)
        keys, counts = np.unique(pairs[:, 0], return_counts=True)
        told = counts <= MOST_ROWS
        kept = np.repeat(told, counts)
        rows = pairs[kept, 1].astype(np.int64)
        np.add.at(self.num_grams, rows, 1)
        keys = keys[told]
        may_be = np.zeros(1 << FILTER_BITS, np.bool_)
        may_be[keys >> np.uint64(64 - FILTER_BITS)] = True
        return _Table(length, keys, np.concatenate([[0], np.cumsum(counts[told])]), rows, may_be)

    def _pairs(self, units: Units, table: _Table) -> tuple[Places, Places, Places]:
        """Texts, rows, and how many different n-grams they have in common."""
        hashes, owners, _ = grams(units, table.length)
        likely = np.flatnonzero(table.may_be[hashes >> np.uint64(64 - FILTER_BITS)])
        places = np.searchsorted(table.keys, hashes[likely])
        there = places < len(table.keys)
        there[there] = table.keys[places[there]] == hashes[likely[there]]
        texts, keys = owners[likely[there]], places[there]
        if not len(texts):
            return (np.zeros(0, np.int64),) * 3
        once = np.unique(np.stack([texts, keys], axis=1), axis=0)
        texts, keys = once[:, 0], once[:, 1]
        counts = table.first_row[keys + 1] - table.first_row[keys]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        rows = table.rows[np.repeat(table.first_row[keys], counts) + within]
        pairs, shared = np.unique(np.stack([np.repeat(texts, counts), rows], axis=1), axis=0, return_counts=True)
        return pairs[:, 0], pairs[:, 1], shared


def _gram_lengths(units: Units, ngram: int) -> Places:
    """Shape (rows,): of each row, how long its n-grams are, in units; 0 for one that is too short."""
    lengths = units.lengths
    singles = np.concatenate([[0], np.cumsum(units.is_single)])
    is_chinese = 2 * np.diff(singles[units.offsets]) >= np.maximum(lengths, 1)
    chosen = np.zeros(len(units), np.int64)
    for share in reversed(SHORTER):
        words = max(FEWEST_UNITS, round(share * ngram))
        characters = max(FEWEST_UNITS, round(share * ngram * CHARACTERS_PER_WORD))
        wanted = np.where(is_chinese, characters, words)
        chosen = np.where(lengths >= wanted, wanted, chosen)
    return chosen
