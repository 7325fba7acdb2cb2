"""Data stall: the training waits for its rows.

A run that waits for the share s of its time takes 1 / (1 - s) times as long. A tenth of it, `WORTH`, is worth a warning
unless it is less than `SHORT` seconds in all; the first `SETTLING` of the steps, in which files are read for the first
time, do not count where there are enough others.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.finding import Change, Evidence, Finding, Severity, Unseen

KEY = "data_stall"
WORTH = 0.1
SEVERE = 1 / 3
SHORT = 1.0
SETTLING = 0.05
OFTEN = 0.25
"""Above this share of the steps, it is not single steps that wait."""


def look(curves: Curves) -> list[Finding] | Unseen:
    waiting, whole = curves.get("train/data_seconds"), curves.get("train/seconds")
    if waiting is None or whole is None:
        return Unseen("how long steps waited for data was not recorded")
    steps = np.intersect1d(waiting.finite.steps, whole.finite.steps)
    waited = Series(steps, waiting.values[np.searchsorted(waiting.steps, steps)]).after(SETTLING)
    took = Series(steps, whole.values[np.searchsorted(whole.steps, steps)]).after(SETTLING)
    if not len(waited) or took.values.sum() <= 0:
        return Unseen("how long steps waited for data was not recorded")
    seconds = float(waited.values.sum())
    share = seconds / float(np.maximum(took.values, waited.values).sum())
    if share < WORTH or seconds < SHORT:
        return []
    heavy = waited.values > WORTH * took.values
    if float(heavy.mean()) > OFTEN:
        where = f"{np.median(waited.values):.2g} s of a step of {np.median(took.values):.2g} s"
    else:
        where = f"at {heavy.mean():.0%} of the steps, {np.median(waited.values[heavy]):.2g} s each"
    sentence = (
        f"The training waits for its rows {share:.0%} of the time ({seconds:,.0f} s in all; {where}); with rows at"
        f" hand it would be done {1 / (1 - share):.2g} times as soon."
    )
    evidence = [Evidence("Time of a step", "s", {"step": took, "waiting for data": waited})]
    changes = [
        Change(
            "Keep the token store on a local disk: the rows are read from mapped files, and a network or a busy disk"
            " behind them makes every step wait."
        ),
        Change(
            "If other work keeps the cores or the disk busy (system/cpu_share, system/read_bytes_per_second), let it"
            " end."
        ),
    ]
    severity = Severity.CRITICAL if share >= SEVERE else Severity.WARNING
    return [Finding(KEY, severity, sentence, evidence, changes, {"share": share, "seconds": seconds})]
