"""Class imbalance: a class is so rare that the classifier passes over it.

A class counts as rare if the most frequent one has `RARE` times as many training documents: naming that one always is
then right in nine of ten cases of the two. That alone is no harm. It is one if on held-out documents the classifier
finds less than half of the rare class, and beyond doubt less of it than of the frequent one (Fisher's exact test);
where no held-out document of the class is known, the counts alone are worth a warning.
"""

from __future__ import annotations

from collections.abc import Mapping

from danlu.monitoring.curves import Curves, HeldOutClasses
from danlu.monitoring.finding import Bars, Change, Evidence, Finding, Severity, Unseen

KEY = "class_imbalance"
RARE = 9.0
FOUND = 0.5
CHANCE = 0.01
FEWEST = 5


def look(curves: Curves) -> list[Finding] | Unseen:
    counts = curves.data.class_counts
    if not counts:
        return Unseen("the run trains no classifier, or its classes are not known")
    frequent = max(counts, key=lambda name: counts[name])
    rare = [name for name, count in counts.items() if counts[frequent] >= RARE * max(count, 1)]
    missed = [name for name in rare if _is_missed(curves.data.held_out, list(counts), name, frequent)]
    if not missed:
        return []
    rarest = min(missed, key=lambda name: counts[name])
    factor = counts[frequent] / max(counts[rarest], 1)
    sentence = (
        f"There are {factor:,.0f} times as many training documents of {frequent!r} ({counts[frequent]:,}) as of"
        f" {rarest!r} ({counts[rarest]:,})"
    )
    recalls = _recalls(curves.data.held_out, list(counts))
    evidence = [Evidence("Training documents by class", bars=Bars(dict(counts), "", tuple(missed)))]
    numbers = {"factor": factor}
    if rarest in recalls:
        sentence += (
            f", and the classifier finds {recalls[rarest]:.0%} of the held-out ones of {rarest!r}, beside"
            f" {recalls[frequent]:.0%} of {frequent!r}."
        )
        evidence.append(
            Evidence("Held-out documents that are found, by class", bars=Bars(recalls, "share", tuple(missed)))
        )
        numbers["found"] = recalls[rarest]
    else:
        sentence += "; naming that class always is nearly always right."
    changes = [
        Change(f"More documents of {rarest!r} help most."),
        Change(
            "Until there are more, make a corpus of each class (a clean and a tokenize stage with its files only) and"
            " mix them evenly, so that the rare one is read more often.",
            curves.set_option("data", f"{{{_mixture(counts)}}}"),
        ),
        Change("Judge the classifier by its macro F1, not by its accuracy."),
    ]
    return [Finding(KEY, Severity.WARNING, sentence, evidence, changes, numbers)]


def _is_missed(held_out: HeldOutClasses | None, names: list[str], rare: str, frequent: str) -> bool:
    from scipy.stats import fisher_exact

    if held_out is None:
        return True
    tables = []
    for name in (rare, frequent):
        of_class = held_out.labels == names.index(name)
        found = int((held_out.predicted[of_class] == names.index(name)).sum())
        tables.append([found, int(of_class.sum()) - found])
    if sum(tables[0]) < FEWEST or sum(tables[1]) < FEWEST:
        return True
    share = tables[0][0] / sum(tables[0])
    return share < FOUND and float(fisher_exact(tables, alternative="less").pvalue) < CHANCE


def _recalls(held_out: HeldOutClasses | None, names: list[str]) -> dict[str, float]:
    if held_out is None:
        return {}
    found = {}
    for number, name in enumerate(names):
        of_class = held_out.labels == number
        if of_class.sum() >= FEWEST:
            found[name] = float((held_out.predicted[of_class] == number).mean())
    return found


def _mixture(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}_tokens: 1" for name in counts)
