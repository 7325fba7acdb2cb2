"""Semantic duplicates: rows whose embeddings have nearly the direction of an earlier one's.

As SemDeDup (Abbas et al. 2023, arXiv:2303.09540) finds them, but for which one stays: here the first in the order of
the corpus does. Up to `MOST_TOGETHER` rows, all are compared with all. More are divided into clusters by spherical
k-means, and only those of a cluster are compared: a pair that lies on both sides of a border is missed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

MOST_TOGETHER = 50_000
ROWS_OF_A_CLUSTER = 10_000
"""As many on average, where there are clusters."""
SAMPLED = 128
"""Rows for each cluster from which the middles of clusters are computed."""
ROUNDS = 12
ROWS_AT_ONCE = 1024
COLUMNS_AT_ONCE = 8192


def clusters(embeddings: Embeddings, rows: Numbers) -> Iterator[Numbers]:
    """The rows that are to be compared with one another, in order; every row once.

    Args:
        embeddings: Shape (all rows, size), of length one; may lie on the disk.
        rows: Those to be compared, in order.
    """
    if len(rows) <= MOST_TOGETHER:
        yield rows
        return
    middles = _middles(embeddings, rows, -(-len(rows) // ROWS_OF_A_CLUSTER))
    nearest = np.concatenate(
        [
            (embeddings[rows[start : start + ROWS_AT_ONCE]] @ middles.T).argmax(1)
            for start in range(0, len(rows), ROWS_AT_ONCE)
        ]
    )
    for cluster in range(len(middles)):
        yield rows[nearest == cluster]


def repeated(embeddings: Embeddings, rows: Numbers, at_least: float) -> Iterator[tuple[int, int, float]]:
    """Rows to leave out, in order: (row, the first earlier one that stays and is so similar, their cosine).

    Args:
        embeddings: Shape (all rows, size), of length one; may lie on the disk.
        rows: Those to be compared, in order.
        at_least: Of the cosine.
    """
    kept = np.zeros((0, embeddings.shape[1]), np.float32)
    kept_rows = np.zeros(0, np.int64)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block_rows = rows[start : start + ROWS_AT_ONCE]
        block = np.asarray(embeddings[block_rows], np.float32)
        firsts, cosines = _first_alike(block, kept, at_least)
        within = block @ block.T
        stays = np.ones(len(block), np.bool_)
        for place, row in enumerate(block_rows.tolist()):
            if firsts[place] >= 0:
                stays[place] = False
                yield row, int(kept_rows[firsts[place]]), float(cosines[place])
                continue
            alike = np.flatnonzero(stays[:place] & (within[place, :place] >= at_least))
            if len(alike):
                stays[place] = False
                yield row, int(block_rows[alike[0]]), float(within[place, alike[0]])
        kept = np.concatenate([kept, block[stays]])
        kept_rows = np.concatenate([kept_rows, block_rows[stays]])


def _first_alike(block: Embeddings, kept: Embeddings, at_least: float) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """For each row of a block the first of those that stay that is similar enough, -1 if none is; and their cosine."""
    firsts = np.full(len(block), -1, np.int64)
    cosines = np.full(len(block), np.nan)
    for start in range(0, len(kept), COLUMNS_AT_ONCE):
        products = block @ kept[start : start + COLUMNS_AT_ONCE].T
        alike = products >= at_least
        new = np.flatnonzero(alike.any(1) & (firsts < 0))
        columns = alike[new].argmax(1)
        firsts[new] = start + columns
        cosines[new] = products[new, columns]
    return firsts, cosines


def _middles(embeddings: Embeddings, rows: Numbers, num_clusters: int) -> Embeddings:
    """Directions of clusters, shape (clusters, size), from rows at even distances; chance has no part in it."""
    places = np.linspace(0, len(rows) - 1, min(len(rows), num_clusters * SAMPLED)).astype(np.int64)
    sample = np.asarray(embeddings[rows[places]], np.float32)
    middles = sample[np.linspace(0, len(sample) - 1, num_clusters).astype(np.int64)].copy()
    for _ in range(ROUNDS):
        nearest = (sample @ middles.T).argmax(1)
        sums = np.zeros_like(middles)
        np.add.at(sums, nearest, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        middles = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), middles)
    return middles
