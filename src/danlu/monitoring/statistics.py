"""Medians, trends and their doubt: statistics that a few wild values do not move.

A loss of single steps is noisy, since each batch is another one. So levels are medians of neighbouring steps, noise is
what is left in the differences of neighbours, and trends are those of Theil and Sen with Kendall's test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from danlu.monitoring.curves import Floats, Series

NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, both of normal values: sqrt(pi / 2)."""
MOST_BINS = 40
FEWEST_IN_BIN = 3
SURE = 5.0
"""Two levels differ for sure if they are so many standard errors apart. Under normal noise that happens by chance once
in two million comparisons; batches have heavier tails, and a diagnosis makes some hundred comparisons."""


@dataclass(frozen=True)
class Levels:
    """A series in bins of equally many neighbours."""

    steps: Floats
    """Shape (bins,): the middle of each bin."""
    values: Floats
    """Shape (bins,): its median."""
    error: float
    """Standard error of one of these medians, 0 where every bin holds one point."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def first(self) -> float:
        return float(self.values[0])

    @property
    def last(self) -> float:
        return float(self.values[-1])

    @property
    def lowest(self) -> float:
        return float(self.values.min())

    @property
    def lowest_place(self) -> int:
        return int(self.values.argmin())

    def differ(self, higher: float, lower: float) -> bool:
        """Whether one level is above another for sure; the error of a difference is that of one times sqrt(2)."""
        return higher - lower > SURE * math.sqrt(2) * self.error


def noise(values: Floats) -> float:
    """Standard deviation of what neighbours do not share: a trend hardly counts, single jumps do not."""
    if len(values) < 3:
        return 0.0
    differences = np.diff(values)
    return float(NORMAL_MAD * np.median(np.abs(differences - np.median(differences))) / math.sqrt(2))


def levels(series: Series, most: int = MOST_BINS) -> Levels:
    """In at most so many bins, of at least `FEWEST_IN_BIN` points where there are more points than bins."""
    finite = series.finite
    num_bins = len(finite) if len(finite) <= most // 2 else min(most, max(1, len(finite) // FEWEST_IN_BIN))
    num_bins = max(num_bins, 1)
    steps = np.array([np.median(part) if len(part) else np.nan for part in np.array_split(finite.steps, num_bins)])
    values = np.array([np.median(part) if len(part) else np.nan for part in np.array_split(finite.values, num_bins)])
    error = MEDIAN_ERROR * noise(finite.values) / math.sqrt(max(1.0, len(finite) / num_bins))
    return Levels(steps, values, error)


@dataclass(frozen=True)
class Trend:
    """A straight line through points."""

    slope: float
    """Per step: the median slope of all pairs (Theil 1950, Sen 1968)."""
    p_value: float
    """Of Kendall's tau, two-sided: how often points without a trend would be so well in order."""

    @property
    def rises(self) -> bool:
        return self.slope > 0 and self.p_value < 0.01

    @property
    def falls(self) -> bool:
        return self.slope < 0 and self.p_value < 0.01


def trend(steps: Floats, values: Floats) -> Trend:
    """Of fewer than four points nothing is said: slope 0, p 1."""
    if len(values) < 4 or np.ptp(values) == 0:
        return Trend(0.0, 1.0)
    slope = float(stats.theilslopes(values, steps)[0])
    return Trend(slope, float(stats.kendalltau(steps, values)[1]))


def median_filter(values: Floats, width: int) -> Floats:
    """Shape as `values`: the median of the `width` values around each, mirrored at the ends."""
    from scipy.ndimage import median_filter as filtered

    found: Floats = filtered(values, size=min(width, len(values)), mode="reflect")
    return found


def entropy(counts: Floats) -> float:
    """Of a distribution that was counted, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
