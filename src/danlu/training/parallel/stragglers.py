"""Ranks that take longer than the others, for which all of them wait."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence

from danlu.telemetry.reporter import Reporter
from danlu.training.loop import StepReport

STEPS = 20
"""That are looked at together."""
FACTOR = 1.5
"""More than so many times as long as the median rank is worth a word."""


class Stragglers:
    """Observer that says it when a rank is slow, once for each.

    Args:
        reporter: Told.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._steps: deque[Sequence[float]] = deque(maxlen=STEPS)
        self._said: set[int] = set()

    def after_step(self, report: StepReport) -> None:
        self._steps.append(tuple(report.rank_seconds))
        if len(self._steps) < STEPS or len(report.rank_seconds) < 2:
            return
        typical = [statistics.median(seconds) for seconds in zip(*self._steps, strict=True)]
        for rank, seconds in enumerate(typical):
            others = statistics.median(typical[:rank] + typical[rank + 1 :])
            if rank not in self._said and seconds > FACTOR * others:
                self._said.add(rank)
                self._reporter.warn(
                    f"Rank {rank} is slow: it computes {seconds:.3g} s a step and the others {others:.3g} s"
                    f" (medians of steps {report.step - STEPS + 1} to {report.step}), so they wait for it."
                )
