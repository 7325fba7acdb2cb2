"""Memory growth: the process, or the GPU, holds ever more.

A training comes to hold the same in every step once it has seen its largest batch; allocators take a while to get
there. So the first `SETTLING` of the run does not count. After it, memory must rise beyond doubt and in every third of
the rest, by at least `WORTH` of what was held, and at least `SMALL` bytes: less is the ebb and flow of allocators.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.finding import Change, Evidence, Finding, Region, Severity, Unseen
from danlu.monitoring.statistics import trend

KEY = "memory_growth"
SETTLING = 0.25
WORTH = 0.05
SMALL = 64 * 2**20
FEWEST = 8
MEBIBYTE = 2**20
WATCHED = {"system/resident_bytes": "The process", "system/gpu_memory_bytes": "The GPU"}


def look(curves: Curves) -> list[Finding] | Unseen:
    found: list[Finding] = []
    seen = False
    for metric, what in WATCHED.items():
        series = curves.get(metric)
        rest = series.finite.after(SETTLING) if series is not None else None
        if rest is None or len(rest) < FEWEST:
            continue
        seen = True
        found += _growth(curves, rest, series.finite if series else rest, what)
    if not seen:
        return Unseen("memory was not recorded, or for too short a time")
    return found[:1]


def _growth(curves: Curves, rest: Series, whole: Series, what: str) -> list[Finding]:
    thirds = [float(np.median(part)) for part in np.array_split(rest.values, 3)]
    grown = thirds[2] - thirds[0]
    if not (thirds[0] < thirds[1] < thirds[2]) or grown < max(WORTH * thirds[0], SMALL):
        return []
    # The last two thirds must be as much a rise as the first two, or it is coming to rest.
    if thirds[2] - thirds[1] < (thirds[1] - thirds[0]) / 2:
        return []
    line = trend(rest.steps, rest.values)
    if not line.rises:
        return []
    sentence = (
        f"{what} holds ever more memory: {rest.values[0] / MEBIBYTE:,.0f} MiB at step {rest.steps[0]:,.0f},"
        f" {rest.values[-1] / MEBIBYTE:,.0f} MiB at step {rest.steps[-1]:,.0f}, {line.slope / MEBIBYTE:.2g} MiB with"
        " each step."
    )
    severity = Severity.WARNING
    numbers = {"bytes_per_step": line.slope, "grown_bytes": grown}
    available = curves.get("system/available_bytes") if what == "The process" else None
    if available is not None:
        left = float(available.values[-1]) / line.slope
        last = float(rest.steps[-1]) + left
        numbers["full_at_step"] = last
        if curves.num_steps and last < curves.num_steps:
            severity = Severity.CRITICAL
            sentence += f" At step {last:,.0f} of {curves.num_steps:,} the machine will have none left."
        else:
            sentence += f" What the machine has left would be taken after {left:,.0f} more steps."
    region = Region(float(rest.steps[0]), float(rest.steps[-1]), "growing")
    in_mebibytes = Series(whole.steps, whole.values / MEBIBYTE)
    evidence = [Evidence("Memory held", "MiB", {"memory": in_mebibytes}, region)]
    changes = [
        Change("Something keeps what a step made: look for lists that losses, rows or tensors are put into."),
        Change(
            "Until it is found: checkpoints often, so that little is lost when memory is at its end.",
            curves.set_option("checkpoint.every_seconds", 60),
        ),
    ]
    return [Finding(KEY, severity, sentence, evidence, changes, numbers)]
