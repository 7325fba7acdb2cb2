"""How well a classifier tells held-out texts apart, each number with its interval of 95 %."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
NORMAL_975 = 1.959964
"""The 97.5 % point of the normal distribution."""


def area_under_curve(good: Scores, bad: Scores) -> tuple[float, float, float]:
    """How probable it is that a good text has a higher score than a bad one, ties counted half, and the interval.

    The variance is DeLong's (DeLong, DeLong and Clarke-Pearson 1988), from ranks as Sun and Xu (2014) have it.
    """
    from scipy.stats import rankdata

    together = rankdata(np.concatenate([good, bad]))
    of_good = (together[: len(good)] - rankdata(good)) / len(bad)
    of_bad = 1 - (together[len(good) :] - rankdata(bad)) / len(good)
    area = float(of_good.mean())
    variance = _variance(of_good) / len(good) + _variance(of_bad) / len(bad)
    reach = NORMAL_975 * float(np.sqrt(variance))
    return area, max(0.0, area - reach), min(1.0, area + reach)


def accuracy(good: Scores, bad: Scores) -> tuple[float, float, float]:
    """Share of texts on their side of 0.5, with Wilson's interval."""
    from scipy.stats import binomtest

    right = int((good >= 0.5).sum() + (bad < 0.5).sum())
    test: Any = binomtest(right, len(good) + len(bad))
    interval = test.proportion_ci(method="wilson")
    return right / (len(good) + len(bad)), float(interval.low), float(interval.high)


def _variance(values: Scores) -> float:
    """Nothing can be said of one value."""
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
