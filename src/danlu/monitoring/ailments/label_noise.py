"""Label noise: many rows name the wrong class.

Looked at are held-out rows, which the classifier could not learn by heart. Where a task is merely hard, a classifier
errs on the rows it is unsure of, and hardly ever on those it is surest of. Where labels are wrong by chance, it is
contradicted by the same share of rows however sure it is: nothing in the text says that a row was mislabelled. So the
error among the surest tenth of the rows, within the rows that are named each class alike, is an estimate of the share
of wrong labels that needs no calibrated probabilities, only their order.

It counts if it is `WORTH` at least with 99 % confidence (Clopper & Pearson 1934), and at least `FLAT` of the error
among all rows: a weak classifier errs among its surest rows, too, but far less than among all. Nothing is said about a
classifier that is not better, beyond doubt, than naming the most frequent class: it has no opinion that counts.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, HeldOutClasses
from danlu.monitoring.finding import Bars, Change, Evidence, Finding, Severity, Unseen

KEY = "label_noise"
SUREST = 0.1
WORTH = 0.05
SEVERE = 0.2
FLAT = 1 / 3
CONFIDENCE = 0.99
FEWEST_SUREST = 15
TENTHS = 10


def look(curves: Curves) -> list[Finding] | Unseen:
    from scipy.stats import binomtest

    if not curves.data.class_counts:
        return Unseen("the run trains no classifier")
    held_out = curves.data.held_out
    if held_out is None:
        return Unseen("the classifier is not made yet, or there are no held-out rows with labels")
    errors = held_out.predicted != held_out.labels
    majority = int(np.bincount(held_out.labels).max())
    right = int((~errors).sum())
    if binomtest(right, len(errors), majority / len(errors), alternative="greater").pvalue >= 1 - CONFIDENCE:
        return Unseen(
            "the classifier is no better than naming the most frequent class, so it cannot contradict a label"
        )
    sure = _surest(held_out)
    if len(sure) < FEWEST_SUREST:
        return Unseen(f"there are too few held-out rows: {len(errors)}")
    wrong = int(errors[sure].sum())
    share, overall = wrong / len(sure), float(errors.mean())
    lowest = float(binomtest(wrong, len(sure)).proportion_ci(2 * CONFIDENCE - 1, method="exact").low)
    if lowest < WORTH or share < FLAT * overall:
        return []
    sentence = (
        f"Where the classifier is surest, {share:.0%} of the held-out rows name another class ({wrong} of {len(sure)};"
        f" at least {lowest:.0%} with 99 % confidence), beside {overall:.0%} of all rows: about that share of the"
        " labels is wrong."
    )
    evidence = [
        Evidence(
            "Rows that name another class, by how sure the classifier is", bars=Bars(_by_tenths(held_out), "share")
        )
    ]
    changes = [
        Change(
            "Read the rows where the classifier is sure and the label says otherwise, and mend or drop them; two"
            " people who label the same hundred rows show how often they agree."
        ),
        Change(
            "Until then, take less trust in each label, so that wrong ones are learnt by heart less.",
            curves.set_option("regularisation.label_smoothing", f"{min(0.3, share):.1g}"),
        ),
        Change(
            "Fewer epochs: right labels are learnt first, wrong ones by heart later.",
            curves.set_option("early_stopping.patience", 2),
        ),
    ]
    severity = Severity.CRITICAL if lowest >= SEVERE else Severity.WARNING
    return [Finding(KEY, severity, sentence, evidence, changes, {"share": share, "at_least": lowest, "all": overall})]


def _surest(held_out: HeldOutClasses) -> np.ndarray:
    """Places of the surest rows of each class that is named, so that an easy class does not stand for all."""
    confidence = held_out.probabilities.max(1)
    found = []
    for named in np.unique(held_out.predicted):
        rows = np.flatnonzero(held_out.predicted == named)
        found.append(rows[np.argsort(-confidence[rows], kind="stable")[: max(1, round(SUREST * len(rows)))]])
    return np.concatenate(found)


def _by_tenths(held_out: HeldOutClasses) -> dict[str, float]:
    """Share of errors from the surest tenth of the rows to the least sure."""
    order = np.argsort(-held_out.probabilities.max(1), kind="stable")
    errors = (held_out.predicted != held_out.labels)[order]
    names = ["surest tenth", *(f"{number}" for number in range(2, TENTHS)), "least sure"]
    return {
        name: float(part.mean()) for name, part in zip(names, np.array_split(errors, TENTHS), strict=True) if len(part)
    }
