"""The learning rate is too low.

While a model learns, its loss falls ever more slowly. If it falls along a straight line instead, as far as the rate
allows (so that each step gains as much as its rate says), the steps have not yet led anywhere where the loss is curved:
longer ones would have gained in proportion. Straight means that the second half of the way gains between half and twice
as much as the first, where a power law, say steps^-0.3, gains an eighth.

The length of the way that the weights went says the same without a look at the loss: a module whose steps add up to
less than `SHORT_WAY` of its own length is all but the module it was. Where that was recorded, the way must be short,
and the loss must either fall straight or not at all. Where it was not, a straight fall must also have brought little,
less than `LITTLE` of the loss that there was; a loss that did not fall at all is only spoken of while it is above that
of the data's frequencies, to which any model gets that moves.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Floats
from danlu.monitoring.finding import Change, Evidence, Finding, Severity, Unseen
from danlu.monitoring.loss import LossCourse
from danlu.monitoring.rates import path_length, rate_of, update_ratio
from danlu.monitoring.statistics import Levels, trend

KEY = "learning_rate_low"
SHORT_WAY = 0.02
LITTLE = 0.1
STRAIGHT = (0.5, 2.0)
FEWEST_LEVELS = 12
HIGHER = 10.0


def look(curves: Curves) -> list[Finding] | Unseen:
    course = LossCourse.of(curves)
    if course is None or len(course.levels) < FEWEST_LEVELS:
        return Unseen("the training loss was not recorded, or for too few steps")
    if course.rise is not None:
        return []
    way = path_length(curves)
    straightness = _straightness(course.levels, _distance(curves, course.levels))
    fallen = course.levels.differ(course.levels.first, course.levels.last)
    if way is None:
        frequencies = curves.data.unigram_nats
        stands_high = not fallen and frequencies is not None and course.end > frequencies
        falls_little = straightness is not None and course.gain <= LITTLE * course.start
        if not (stands_high or falls_little):
            return []
    elif way > SHORT_WAY or (fallen and straightness is None):
        return []
    numbers = {"start": course.levels.first, "end": course.end}
    if fallen:
        sentence = (
            f"The steps are too short: the loss fell from {course.levels.first:.3g} to {course.end:.3g} along a"
            " straight line, at the end as fast as in the beginning."
        )
    else:
        sentence = f"The steps are too short: the loss stood at {course.end:.3g} throughout."
    if way is not None:
        sentence += f" All steps together moved the typical module by no more than {way:.2%} of its own length."
        numbers["way"] = way
    evidence = [Evidence("Training loss", "nats", {"loss": course.series})]
    if (ratio := update_ratio(curves)) is not None:
        evidence.append(
            Evidence("Length of a step over that of the weights", "", {"step over weights": ratio}, logarithmic=True)
        )
    rate = rate_of(curves)
    used = curves.setting("optimizer", "learning_rate") or (float(rate.values.max()) if rate else None)
    change = Change(
        f"{HIGHER:.0f} times more, from {used:.2g} on; danlu tune finds a rate that suits by trying."
        if used
        else f"Take a rate {HIGHER:.0f} times higher.",
        curves.set_option("optimizer.learning_rate", f"{used * HIGHER:.1g}") if used else None,
    )
    return [Finding(KEY, Severity.WARNING, sentence, evidence, [change], numbers)]


def _distance(curves: Curves, course: Levels) -> Floats:
    """How far the run has come by each level: the sum of the rates up to there, or the step where no rate is known."""
    rate = rate_of(curves)
    if rate is None:
        return course.steps
    sums: Floats = np.interp(course.steps, rate.steps, np.cumsum(rate.values))
    return sums


def _straightness(course: Levels, distance: Floats) -> float | None:
    """Slope of the second half over that of the first; None if one does not fall for sure, or if it is not straight."""
    middle = int(np.searchsorted(distance, (distance[0] + distance[-1]) / 2))
    if min(middle, len(distance) - middle) < 4:
        return None
    first = trend(distance[:middle], course.values[:middle])
    second = trend(distance[middle:], course.values[middle:])
    if not (first.slope < 0 and second.slope < 0 and trend(distance, course.values).falls):
        return None
    if min(-first.slope, -second.slope) * np.ptp(distance) / 2 < course.error:
        return None
    ratio = second.slope / first.slope
    return ratio if STRAIGHT[0] <= ratio <= STRAIGHT[1] else None
