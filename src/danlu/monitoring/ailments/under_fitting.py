"""Under-fitting: at the end the model knows hardly more than how frequent each answer is.

The loss of a model that gives every token (or class) its frequency, whatever stands before it, is the entropy of those
frequencies. It takes nothing but counting to get there, so a loss that is not at least `BETTER` below it has learnt
next to nothing from the texts. The frequencies are those of the training data; the loss is that of validation where
there is one, since dropout and label smoothing raise the training loss.

Where the frequencies are not known, as in the logs of other trainers, a run has learnt nothing if neither loss has
fallen: the training loss not beyond doubt, and no validation loss by `MOVED` of the first.

A loss that is below, and at the end still falls by `FAST` of all it has fallen in the last quarter of the steps, is
worth a note: such a run is not at its end.
"""

from __future__ import annotations

from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.finding import Change, Evidence, Finding, Severity, Unseen
from danlu.monitoring.loss import LossCourse, learnt_to
from danlu.monitoring.rates import rate_of

KEY = "under_fitting"
BETTER = 0.05
MOVED = 0.01
FEWEST_VALIDATIONS = 4
FAST = 0.12
"""A power law, steps^-0.3, falls by 4 % in its last quarter; a straight line by 25 %."""
HIGH = 0.5


def look(curves: Curves) -> list[Finding] | Unseen:
    course = LossCourse.of(curves)
    if course is None:
        return Unseen("the training loss was not recorded, or for too few steps")
    if curves.is_running:
        return Unseen("the run still goes on, and may yet learn")
    known = curves.data.unigram_nats
    end = learnt_to(curves, course)
    if known is not None and end > (1 - BETTER) * known:
        return [_finding(curves, course, end, known)]
    if known is None and (stood := _stood_still(curves, course)):
        return stood
    note = _still_falling(curves, course)
    if known is None and not note:
        return Unseen("the frequencies of the data are not known, and so not what a model could at least reach")
    return note


def _finding(curves: Curves, course: LossCourse, end: float, known: float) -> Finding:
    what = "class" if curves.data.class_counts else "token"
    compared = f"no lower than the {known:.3g}" if end >= known else f"only {1 - end / known:.1%} below the {known:.3g}"
    sentence = (
        f"The model has learnt next to nothing from the texts: its loss came down to {end:.3g}, {compared} of one that"
        f" only knows how frequent each {what} is."
    )
    evidence = [
        Evidence(
            "Loss",
            "nats",
            {"training": course.series, **_validation(curves)},
            None,
            known,
            f"frequencies of each {what}",
        )
    ]
    steps = max(int(course.series.steps[-1]), 1)
    changes = [
        Change(
            "Train for longer, if the loss is still falling.", curves.set_option("budget", f"{{steps: {10 * steps}}}")
        )
    ]
    dropout = curves.setting("regularisation", "dropout", default=0.0)
    if dropout and dropout >= 0.3:
        changes.insert(
            0,
            Change(
                f"Dropout of {dropout:g} hides most of what the model could learn from.",
                curves.set_option("regularisation.dropout", 0.1),
            ),
        )
    changes.append(Change("A larger model (size, hidden_size, num_layers in the initialize stage) can hold more."))
    return Finding(KEY, Severity.WARNING, sentence, evidence, changes, {"loss": end, "frequencies_only": known})


def _stood_still(curves: Curves, course: LossCourse) -> list[Finding]:
    validation = curves.get("validation/loss")
    if validation is None or len(validation.finite) < FEWEST_VALIDATIONS:
        return []
    values = validation.finite.values
    first, best = float(values[0]), float(values.min())
    if first - best >= MOVED * abs(first) or course.levels.differ(course.levels.first, course.best):
        return []
    sentence = (
        f"The model has learnt nothing: the training loss stood at {course.end:.3g}, and the validation loss came from"
        f" {first:.4g} to {best:.4g} at its best."
    )
    evidence = [Evidence("Loss", "nats", {"training": course.series, "validation": validation})]
    changes = [
        Change("Another learning rate, ten times lower or higher: too high a rate breaks a trained model at once."),
        Change("See that the rows say what is to be learnt, and that something is trained (frozen layers, labels)."),
    ]
    return [Finding(KEY, Severity.WARNING, sentence, evidence, changes, {"first": first, "best": best})]


def _validation(curves: Curves) -> dict[str, Series]:
    series = curves.get("validation/loss")
    return {} if series is None else {"validation": series}


def _still_falling(curves: Curves, course: LossCourse) -> list[Finding]:
    rate = rate_of(curves)
    if rate is not None and rate.values[-1] < HIGH * rate.values.max():
        return []
    values = course.levels.values
    quarter = float(values[-max(1, len(values) // 4) - 1]) if len(values) >= 8 else float("nan")
    if not (quarter - course.end >= FAST * (course.start - course.end) > 0):
        return []
    if not course.levels.differ(quarter, course.end):
        return []
    sentence = f"The loss still falls: from {quarter:.3g} to {course.end:.3g} in the last quarter of the steps."
    evidence = [Evidence("Training loss", "nats", {"loss": course.series})]
    more = Change(
        "Train for longer; there is more to be had.",
        curves.set_option("budget", f"{{steps: {2 * int(course.series.steps[-1])}}}"),
    )
    return [Finding(KEY, Severity.NOTE, sentence, evidence, [more], {"fallen_in_last_quarter": quarter - course.end})]
