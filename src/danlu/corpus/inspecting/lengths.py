"""How long texts are: quantiles, histograms with bars of equal ratios, and the longest and shortest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.corpus.inspecting.rows import Rows, id_text

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
MOST_BARS = 48
FEWEST_FOR_FENCES = 20
FENCE = 3.0
"""Interquartile ranges of the logarithm beyond the quartiles, behind which a length is outlying (Tukey's far out)."""
LISTED = 8


@dataclass(frozen=True)
class Histogram:
    """Bars beside each other."""

    edges: list[float]
    """One more than there are bars."""
    counts: list[int]


@dataclass(frozen=True)
class Lengths:
    """In characters."""

    quantiles: dict[str, float]
    """By ``0.5``, ``0.99``, ..."""
    mean: float
    histogram: Histogram
    num_outlying: int
    fences: tuple[float, float] | None
    """Lengths outside of these are outlying; None if there are too few to tell."""
    longest: list[dict[str, int | str]]
    """``{"id", "characters", "source"}``, the longest first."""
    shortest: list[dict[str, int | str]]


def lengths_of(rows: Rows) -> Lengths:
    """Of all rows."""
    lengths = rows.characters.astype(np.float64)
    order = np.lexsort((rows.ids, lengths))
    fences = _fences(lengths)
    outlying = (lengths < fences[0]) | (lengths > fences[1]) if fences else np.zeros(len(lengths), np.bool_)

    def described(places: npt.NDArray[np.int64]) -> list[dict[str, int | str]]:
        return [
            {
                "id": id_text(int(rows.ids[place])),
                "characters": int(rows.characters[place]),
                "source": rows.sources[rows.source[place]],
            }
            for place in places.tolist()
        ]

    return Lengths(
        quantiles=quantiles_of(lengths),
        mean=float(lengths.mean()) if len(lengths) else 0.0,
        histogram=logarithmic(lengths),
        num_outlying=int(outlying.sum()),
        fences=fences,
        longest=described(order[::-1][:LISTED]),
        shortest=described(order[:LISTED]),
    )


def quantiles_of(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Of values without nan; values that occur, not ones in between."""
    if not len(values):
        return {}
    found = np.quantile(values, QUANTILES, method="inverted_cdf")
    return {f"{share:g}": float(value) for share, value in zip(QUANTILES, found, strict=True)}


def logarithmic(values: npt.NDArray[np.float64]) -> Histogram:
    """A histogram of numbers of at least 0 whose bars are as wide as each other on a logarithmic scale. Whole numbers
    below ten have bars of their own."""
    if not len(values):
        return Histogram([0.0, 1.0], [0])
    low, high = float(values.min()), float(values.max()) + 1
    edges = np.unique(np.floor(np.geomspace(max(low, 1.0), max(high, low + 1, 2.0), MOST_BARS + 1)))
    edges[-1] = max(high, edges[-1])
    if low < edges[0]:
        edges = np.concatenate([[low], edges])
    counts, _ = np.histogram(values, edges)
    return Histogram(edges.tolist(), counts.tolist())


def _fences(lengths: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    if len(lengths) < FEWEST_FOR_FENCES:
        return None
    low, high = np.quantile(np.log(np.maximum(lengths, 1.0)), [0.25, 0.75])
    width = max(float(high - low), 0.05)
    return float(np.exp(low - FENCE * width)), float(np.exp(high + FENCE * width))
