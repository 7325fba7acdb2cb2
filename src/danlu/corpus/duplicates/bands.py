"""Bands of signatures: texts that agree in all places of one band are compared, and no others."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from danlu.corpus.duplicates.signatures import NUM_PLACES, Signatures
from danlu.corpus.mixing import GOLDEN

MISS_PROBABILITY = 1e-4
"""At most this share of pairs that are just similar enough is never proposed."""

Keys = npt.NDArray[np.uint64]


@cache
def num_bands(threshold: float) -> int:
    """Bands to cut a signature into: few and wide, yet a pair at the threshold is missed in MISS_PROBABILITY at most.

    With b bands of r places a pair of similarity s is proposed with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman,
    Ullman, Mining of Massive Datasets, section 3.4).
    """
    for width in range(NUM_PLACES, 0, -1):
        bands = NUM_PLACES // width
        if threshold == 1 or bands * math.log1p(-(threshold**width)) <= math.log(MISS_PROBABILITY):
            return bands
    return NUM_PLACES


def band_keys(signatures: Signatures, threshold: float) -> Keys:
    """A hash of each band of each signature, shape (texts, bands)."""
    bands = num_bands(threshold)
    width = NUM_PLACES // bands
    banded = signatures[:, : bands * width].reshape(len(signatures), bands, width).astype(np.uint64)
    keys = np.zeros(banded.shape[:2], np.uint64)
    for column in range(width):
        keys = (keys ^ banded[:, :, column]) * GOLDEN
        keys ^= keys >> np.uint64(29)
    return keys
