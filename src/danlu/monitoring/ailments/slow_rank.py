"""A slow rank: all others wait for it in every step.

Each rank's own time in a step is recorded without its waiting. A rank counts as slow if its median is `WORTH` above
that of the ranks together, and if it is the slowest one more often than by turns: with n ranks that are alike, each is
the slowest in one step of n, and a binomial test must call it chance with p < `CHANCE`.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Bars, Change, Evidence, Finding, Severity, Unseen

KEY = "slow_rank"
WORTH = 0.15
SEVERE = 0.5
CHANCE = 1e-4
FEWEST = 8


def look(curves: Curves) -> list[Finding] | Unseen:
    from scipy.stats import binomtest

    ranks = {name: series.finite for name, series in curves.of_modules("rank_seconds").items()}
    steps = None
    for series in ranks.values():
        steps = series.steps if steps is None else np.intersect1d(steps, series.steps)
    if steps is None or len(ranks) < 2 or len(steps) < FEWEST:
        return Unseen("the run has one rank, or the time of each rank was not recorded")
    names = list(ranks)
    times = np.stack([series.values[np.searchsorted(series.steps, steps)] for series in ranks.values()])
    medians = np.median(times, axis=1)
    typical = float(np.median(medians)) if len(names) > 2 else float(medians.min())
    slowest = int(medians.argmax())
    times_slowest = int((times.argmax(0) == slowest).sum())
    if medians[slowest] < (1 + WORTH) * typical:
        return []
    if binomtest(times_slowest, len(steps), 1 / len(names), alternative="greater").pvalue >= CHANCE:
        return []
    excess = float(medians[slowest]) / typical - 1
    sentence = (
        f"Rank {names[slowest]} takes {medians[slowest]:.3g} s for its part of a step, the others {typical:.3g} s; it"
        f" was the slowest in {times_slowest / len(steps):.0%} of the steps, and every step takes {excess:.0%} longer"
        " for it."
    )
    evidence = [
        Evidence(
            "Time of each rank for its own part of a step, median",
            "s",
            bars=Bars(dict(zip(names, medians.tolist(), strict=True)), "s", (names[slowest],)),
        ),
        Evidence("Time for its own part of a step", "s", ranks),
    ]
    changes = [
        Change(
            "Look at that machine: another program on it, its clock (heat, power limits), a slower processor or disk,"
            " fewer cores than the others. danlu doctor on each shows what they are."
        ),
        Change("If it stays slow, leave it out; the same recipe gives the same result with fewer ranks."),
    ]
    severity = Severity.CRITICAL if excess >= SEVERE else Severity.WARNING
    return [Finding(KEY, severity, sentence, evidence, changes, {"excess": excess})]
