"""Rows that were left out beside rows that stayed, with the numbers that decided; always the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from danlu.corpus.dropped import EXACT, NEAR, SEMANTIC
from danlu.corpus.inspecting.movable import Movable
from danlu.corpus.inspecting.reasons import collapsed, dropped_rows
from danlu.corpus.inspecting.repeats import first_ids
from danlu.corpus.inspecting.rows import ids_of, texts_with_ids
from danlu.corpus.inspecting.sampling import Smallest
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.inspecting.thresholds import judged_batches, rules_with_tags
from danlu.corpus.mixing import GOLDEN

TEXT_CHARACTERS = 200
MOST_REASONS = 10


@dataclass(frozen=True)
class Sample:
    """A row, left out or not."""

    id: str
    source: str
    row: int
    text: str
    """Its beginning."""
    number: float | None = None
    """The tag that decided."""
    remark: str = ""
    """Of a repetition, what it repeats and how alike they are."""


@dataclass(frozen=True)
class SideBySide:
    """Of one reason."""

    reason: str
    num_left_out: int
    tag: str | None
    """The number that decided; None where none did."""
    threshold: float | None
    is_lowest: bool
    left_out: list[Sample]
    kept: list[Sample]
    """With a tag, those that came closest to being left out; of repetitions, what they repeat."""


def samples_of(subject: Subject, reasons: dict[str, int], *, size: int, seed: int) -> list[SideBySide]:
    """
    Args:
        subject: What is inspected.
        reasons: Rows by (collapsed) reason; the most frequent ones are shown.
        size: Rows of each kind for each reason.
        seed: Other ones for another seed.
    """
    chosen = sorted(reasons, key=lambda reason: (-reasons[reason], reason))[:MOST_REASONS]
    rules = rules_with_tags(subject)
    by_reason = {reason: rule for rule in rules for reason in rule.reasons if reason in chosen}
    left_out = _left_out(subject, chosen, size, seed)
    numbers = _numbers(subject, rules, [(rule, sample.id) for reason, rule in by_reason.items()
                                        for sample in left_out[reason]])  # fmt: skip
    closest = _closest(subject, rules, list(by_reason.values()), size)
    repeated = {
        sample.id: int(sample.remark.split(" of ")[1][:16], 16)
        for reason in (EXACT, NEAR, SEMANTIC)
        for sample in left_out.get(reason, [])
    }
    wanted = {*repeated.values(), *(row for found in closest.values() for row, _ in found)}
    texts = {number: _kept_sample(row) for number, row in texts_with_ids(subject, sorted(wanted)).items()}
    found = []
    for reason in chosen:
        rule = by_reason.get(reason)
        if rule:
            kept = [replace(texts[row], number=number) for row, number in closest[reason] if row in texts]
        else:
            kept = [texts[repeated[sample.id]] for sample in left_out[reason] if repeated.get(sample.id) in texts]
        found.append(
            SideBySide(
                reason=reason,
                num_left_out=reasons[reason],
                tag=rule.column if rule else None,
                threshold=rule.threshold if rule else None,
                is_lowest=rule.is_lowest if rule else False,
                left_out=[replace(each, number=numbers.get((reason, each.id))) for each in left_out[reason]],
                kept=kept,
            )
        )
    return found


def _left_out(subject: Subject, reasons: Sequence[str], size: int, seed: int) -> dict[str, list[Sample]]:
    chosen = {reason: Smallest(size, seed) for reason in reasons}
    for batch in dropped_rows(subject):
        kinds = collapsed(batch.column("reason"))
        keys = ids_of(batch.column("id")) + batch.column("row").to_numpy().astype(np.uint64) * GOLDEN
        for reason in reasons:
            places = np.flatnonzero(pc.equal(kinds, reason).to_numpy(zero_copy_only=False))
            chosen[reason].add(keys[places], partial(_dropped_sample, batch, places))
    return {reason: smallest.items() for reason, smallest in chosen.items()}


def _dropped_sample(batch: pa.RecordBatch, places: npt.NDArray[np.int64], number: int) -> Sample:
    place = int(places[number])
    row = batch.slice(place, 1).to_pylist()[0]
    remark = row["reason"] if first_ids(batch.column("reason").slice(place, 1))[0].is_valid else ""
    return Sample(row["id"] or "", row["source"], row["row"], row["text"], remark=remark)


def _kept_sample(row: dict[str, str]) -> Sample:
    return Sample(row["id"], row["source"], int(row["row"]), row["text"][:TEXT_CHARACTERS])


def _numbers(
    subject: Subject, rules: list[Movable], wanted: Sequence[tuple[Movable, str]]
) -> dict[tuple[str, str], float]:
    """The tag of each row for the reason it was left out for."""
    found: dict[tuple[str, str], float] = {}
    values = pa.array([row for _, row in wanted], pa.string())
    for batch in judged_batches(subject, rules) if wanted else ():
        ids = batch.table.column("id")
        places = np.flatnonzero(pc.is_in(ids, values).to_numpy(zero_copy_only=False))
        named = {ids[int(place)].as_py(): int(place) for place in places}
        for rule, row in wanted:
            if row in named:
                found[rule.reason, row] = float(batch.values[rule.column][named[row]])
    return found


def _closest(
    subject: Subject, rules: list[Movable], chosen: Sequence[Movable], size: int
) -> dict[str, list[tuple[int, float]]]:
    """For each rule the rows that stay with the tags nearest to its threshold: id and tag."""
    best: dict[str, list[tuple[float, int, float]]] = {rule.reason: [] for rule in chosen}
    for batch in judged_batches(subject, rules) if chosen else ():
        ids = ids_of(batch.table.column("id"))
        for rule in chosen:
            values = batch.values[rule.column]
            places = np.flatnonzero(batch.stays & ~np.isnan(values))
            distances = np.abs(values[places] - rule.threshold)
            nearest = places[np.lexsort((ids[places], distances))[:size]].tolist()
            new = [(abs(float(values[place]) - rule.threshold), int(ids[place]), float(values[place]))
                   for place in nearest]  # fmt: skip
            best[rule.reason] = sorted(best[rule.reason] + new)[:size]
    return {reason: [(row, number) for _, row, number in found] for reason, found in best.items()}
