"""What moving one threshold would change, all others staying: counted from the stored tags, exactly, at some places.

A row counts as kept at a place if no other rule leaves it out and its tag passes there. Rows that something else than
these rules leaves out (repetitions, what could not be read) stay out. Rows that would come back may repeat others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from danlu.artifacts.tags import read_tags, tag_names
from danlu.corpus.inspecting.movable import Movable, movables
from danlu.corpus.inspecting.rows import numbers_of
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.tagging.language import LABEL

LANGUAGE = f"{LABEL}/language"
NUM_PLACES = 60
"""At which is counted, besides the threshold itself."""
NUM_BARS = 40
SAMPLE_ROWS = 50_000
"""By which the places are chosen."""
OUTSIDE = 0.005
"""Share of values on either side that may lie outside of the picture; they are counted in its outermost bars."""
OUTSIDE_BROKEN = 0.05
"""The same of values that break the rule, where these are few."""
WIDE = 200.0
"""From this ratio of the largest to the smallest on, places are chosen on a logarithmic scale."""


@dataclass(frozen=True)
class Curve:
    """Of one rule."""

    setting: str
    """For ``--set``."""
    tag: str
    reason: str
    is_lowest: bool
    """Whether values below the threshold are left out, and not those above."""
    threshold: float
    num_judged: int
    """Rows the tag applies to."""
    num_broken: int
    """Rows that break the rule, whatever else leaves them out."""
    num_alone: int
    """Rows that nothing but this rule leaves out."""
    places: list[float]
    """Other thresholds, ascending, the present one among them."""
    kept: list[int]
    """Rows kept at each place."""
    edges: list[float]
    """Of the bars."""
    bars_kept: list[int]
    """Rows by their tag: those that stay, ..."""
    bars_left_out: list[int]
    """... and those that something leaves out."""


def curves_of(subject: Subject) -> list[Curve]:
    """Of all rules of the stage, those that alone leave out most first; none where there are no tags."""
    rules = rules_with_tags(subject)
    if not rules:
        return []
    counters = [_Counter(rule, sample) for rule, sample in zip(rules, _samples(subject, rules), strict=True)]
    for batch in judged_batches(subject, rules):
        for counter, movable in zip(counters, rules, strict=True):
            values = batch.values[movable.column]
            its_own = movable.broken(values)
            others = batch.num_broken - its_own
            counter.add(values, its_own, batch.free & (others == 0), batch.stays)
    curves = (counter.curve() for counter, rule in zip(counters, rules, strict=True) if not rule.is_switch)
    return sorted(curves, key=lambda curve: (-curve.num_alone, -curve.num_broken))


@dataclass(frozen=True)
class JudgedBatch:
    """Some rows with their tags."""

    table: pa.RecordBatch
    """Columns ``id, source, row, split, reason``."""
    values: dict[str, npt.NDArray[np.float64]]
    """By the name of the tag."""
    num_broken: npt.NDArray[np.int64]
    """How many rules each row breaks."""
    stays: npt.NDArray[np.bool_]
    free: npt.NDArray[np.bool_]
    """Whether nothing but these rules leaves a row out."""


def rules_with_tags(subject: Subject) -> list[Movable]:
    """Rules of the stage whose tags the artifact has."""
    return with_tags(subject, movables(subject.config)) if subject.config is not None else []


def with_tags(subject: Subject, rules: Sequence[Movable]) -> list[Movable]:
    """Those whose tags the artifact has."""
    names = set(tag_names(subject.directory))
    return [movable for movable in rules if movable.column in names]


def judged_batches(subject: Subject, rules: Sequence[Movable]) -> Iterator[JudgedBatch]:
    """All rows that were judged."""
    columns = list(dict.fromkeys(rule.column for rule in rules))
    ours = reasons_of(rules)
    languages = _languages(subject)
    words = [LANGUAGE] if languages is not None else []
    for batch in read_tags(subject.directory, ["id", "source", "row", "split", "reason", *columns, *words]):
        values = {name: numbers_of(batch.column(name)).astype(np.float64) for name in columns}
        num_broken = np.zeros(batch.num_rows, np.int64)
        for rule in rules:
            num_broken += rule.broken(values[rule.column])
        stays = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        is_ours = pc.is_in(batch.column("reason"), ours).to_numpy(zero_copy_only=False)
        if languages is not None:
            is_ours &= pc.is_in(batch.column(LANGUAGE), languages).to_numpy(zero_copy_only=False)
        yield JudgedBatch(
            batch.select(["id", "source", "row", "split", "reason"]), values, num_broken, stays, stays | is_ours
        )


def reasons_of(rules: Sequence[Movable]) -> pa.Array:
    """All that rules give."""
    return pa.array(sorted({reason for rule in rules for reason in rule.reasons}), pa.string())


def _languages(subject: Subject) -> pa.Array | None:
    """Those that stay whatever the thresholds; None for all."""
    settings = subject.config.language if subject.config else None
    if settings is None or not settings.keep or LANGUAGE not in tag_names(subject.directory):
        return None
    return pa.array(settings.keep, pa.string())


def _samples(subject: Subject, rules: list[Movable]) -> list[npt.NDArray[np.float64]]:
    """Of each rule's tag some values, evenly spread over all rows."""
    columns = list(dict.fromkeys(rule.column for rule in rules))
    found: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in columns}
    num_rows = sum(batch.num_rows for batch in read_tags(subject.directory, ["row"]))
    every, number = max(1, num_rows // SAMPLE_ROWS), 0
    for batch in read_tags(subject.directory, columns):
        for name in columns:
            found[name].append(numbers_of(batch.column(name)).astype(np.float64)[-number % every :: every])
        number += batch.num_rows
    samples = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in found.items()}
    return [samples[rule.column][~np.isnan(samples[rule.column])] for rule in rules]


class _Counter:
    """Counts for one rule."""

    def __init__(self, movable: Movable, sample: npt.NDArray[np.float64]) -> None:
        self._movable = movable
        is_whole = bool(len(sample)) and bool((sample == np.floor(sample)).all())
        self._places = _places(sample, sample[movable.broken(sample)], movable, is_whole)
        self._edges = _edges(self._places, is_whole)
        self._at_places = np.zeros(len(self._places) + 1, np.int64)
        """Candidates by how many places are below (or, for a highest value, at or below) their value."""
        self._bars = np.zeros((2, len(self._edges) - 1), np.int64)
        self._not_applying = self._judged = self._broken = self._alone = 0

    def add(
        self,
        values: npt.NDArray[np.float64],
        broken: npt.NDArray[np.bool_],
        candidates: npt.NDArray[np.bool_],
        stays: npt.NDArray[np.bool_],
    ) -> None:
        """Rows; candidates are those that no other rule and nothing else leaves out."""
        applies = ~np.isnan(values)
        self._judged += int(applies.sum())
        self._broken += int(broken.sum())
        self._alone += int((broken & candidates).sum())
        self._not_applying += int((candidates & ~applies).sum())
        side: Literal["left", "right"] = "right" if self._movable.is_lowest else "left"
        below = np.searchsorted(self._places, values[candidates & applies], side)
        self._at_places += np.bincount(below, minlength=len(self._at_places))
        for row, chosen in enumerate((applies & stays, applies & ~stays)):
            inside = np.clip(values[chosen], self._edges[0], self._edges[-1])
            self._bars[row] += np.histogram(inside, self._edges)[0]

    def curve(self) -> Curve:
        movable = self._movable
        # At a lowest value pass those with so many places at or below them or more; at a highest, so many or fewer.
        up_to = np.cumsum(self._at_places)
        kept = up_to[-1] - up_to[:-1] if movable.is_lowest else up_to[:-1]
        return Curve(
            setting=movable.setting,
            tag=movable.column,
            reason=movable.reason.partition(": ")[2],
            is_lowest=movable.is_lowest,
            threshold=movable.threshold,
            num_judged=self._judged,
            num_broken=self._broken,
            num_alone=self._alone,
            places=self._places.tolist(),
            kept=(kept + self._not_applying).tolist(),
            edges=self._edges.tolist(),
            bars_kept=self._bars[0].tolist(),
            bars_left_out=self._bars[1].tolist(),
        )


def _places(
    sample: npt.NDArray[np.float64], broken: npt.NDArray[np.float64], movable: Movable, is_whole: bool
) -> npt.NDArray[np.float64]:
    """Round numbers over nearly all of the sample and most of what breaks the rule, and the threshold."""
    threshold = movable.threshold
    if not len(sample):
        return np.array([threshold])
    low, high = (float(value) for value in np.quantile(sample, [OUTSIDE, 1 - OUTSIDE]))
    if len(broken):
        furthest = float(np.quantile(broken, OUTSIDE_BROKEN if movable.is_lowest else 1 - OUTSIDE_BROKEN))
        low, high = min(low, furthest), max(high, furthest)
    low, high = min(low, threshold), max(high, threshold)
    if is_whole and high > WIDE * max(low, 1):
        places = np.geomspace(max(low, 1), high, NUM_PLACES)
        if low < 1:
            places = np.append(places, low)
    else:
        places = np.linspace(low, high, NUM_PLACES)
    places = np.round(places) if is_whole else np.array([float(f"{place:.3g}") for place in places])
    return np.unique(np.append(places, threshold))


def _edges(places: npt.NDArray[np.float64], is_whole: bool) -> npt.NDArray[np.float64]:
    low, high = float(places[0]), float(places[-1])
    if high <= low:
        high = low + 1
    if is_whole and high > WIDE * max(low, 1):
        edges = np.unique(np.floor(np.geomspace(max(low, 1), high + 1, NUM_BARS + 1)))
        return edges if low >= 1 else np.concatenate([[low], edges])
    if is_whole and high - low <= NUM_BARS:
        return np.arange(low, high + 2)
    return np.linspace(low, high, NUM_BARS + 1)
