"""The table of sources: how much each gave, what became of it, how good it is, and who may use it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from danlu.artifacts.splits import SPLITS
from danlu.corpus.dropped import REPETITIONS
from danlu.corpus.inspecting.reasons import READING, filter_of
from danlu.corpus.inspecting.rows import Rows, ids_of
from danlu.corpus.inspecting.scoring import Measured, Score, score_of
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.inspecting.thresholds import judged_batches, rules_with_tags
from danlu.corpus.rights.config import Rights
from danlu.corpus.rights.stated import stated_of
from danlu.corpus.working.auditing import NAME as AUDIT


@dataclass(frozen=True)
class SourceRow:
    """A line of the table: a file, or files that belong together."""

    name: str
    num_files: int
    num_read: int
    num_kept: int
    num_characters: int
    """Of what stayed."""
    splits: dict[str, int]
    """Rows that stayed, by split."""
    score: Score | None
    rights: list[Rights]
    """What is stated of its files, each statement once."""
    num_silent: int
    """Files of which nothing is stated."""


@dataclass(frozen=True)
class PersonalFinds:
    """What was found of people in rows that stayed."""

    by_kind: dict[str, int]
    by_treatment: dict[str, int]
    num_rows: int
    """Rows with a find."""


def table_of(
    subject: Subject, rows: Rows, by_reason: Counter[tuple[str, str]], groups: dict[str, str]
) -> list[SourceRow]:
    """
    Args:
        subject: What is inspected.
        rows: Those that stayed.
        by_reason: Rows that were left out, by source and reason.
        groups: Name of the group of each source.
    """
    names = list(dict.fromkeys(groups.values()))
    place = {name: number for number, name in enumerate(names)}
    of_source = np.array([place[groups[source]] for source in rows.sources] or [0], np.int64)
    group = of_source[rows.source]

    def summed(values: npt.NDArray[np.float64] | None = None) -> npt.NDArray[Any]:
        return np.bincount(group, values, minlength=len(names))

    kept, characters = summed(), summed(rows.characters.astype(np.float64))
    damaged = summed(rows.damaged.astype(np.float64))
    finds = _finds_by_row(subject, rows)
    found = summed(finds.astype(np.float64)) if finds is not None else None
    passed = _share_of_rules(subject, groups, place)
    gone = {kind: np.zeros(len(names)) for kind in ("unreadable", "filtered", "repeating")}
    for (source, reason), count in by_reason.items():
        gone[_what(reason)][place[groups[source]]] += count
    rights = subject.config.rights if subject.config else {}
    files: dict[str, list[str]] = {}
    for source, name in groups.items():
        files.setdefault(name, []).append(source)
    table = []
    for number, name in enumerate(names):
        lost = {kind: int(counts[number]) for kind, counts in gone.items()}
        measured = Measured(
            num_read=int(kept[number]) + sum(lost.values()),
            num_unreadable=lost["unreadable"],
            num_filtered=lost["filtered"],
            num_repeating=lost["repeating"],
            num_kept=int(kept[number]),
            num_damaged=int(damaged[number]),
            num_characters=int(characters[number]),
            num_personal=int(found[number]) if found is not None else None,
            share_of_rules=passed.get(number),
        )
        stated = [stated_of(source, rights) for source in files[name]]
        in_split = np.bincount(rows.split[group == number], minlength=len(SPLITS)).tolist()
        table.append(
            SourceRow(
                name=name,
                num_files=len(files[name]),
                num_read=measured.num_read,
                num_kept=measured.num_kept,
                num_characters=measured.num_characters,
                splits=dict(zip(SPLITS, in_split, strict=True)),
                score=score_of(measured),
                rights=_each_once(stated),
                num_silent=sum(each is None for each in stated),
            )
        )
    return sorted(table, key=lambda row: (-row.num_read, row.name))


def personal_of(subject: Subject, rows: Rows) -> PersonalFinds | None:
    """None if nobody looked."""
    finds = _finds_by_row(subject, rows)
    if finds is None:
        return None
    table = pq.read_table(subject.directory / AUDIT, columns=["kind", "treatment"])
    counted = {
        name: Counter({each["values"]: each["counts"] for each in table.column(name).value_counts().to_pylist()})
        for name in ("kind", "treatment")
    }
    return PersonalFinds(
        dict(counted["kind"].most_common()), dict(counted["treatment"].most_common()), int((finds > 0).sum())
    )


def _what(reason: str) -> str:
    name = filter_of(reason)
    if name in REPETITIONS:
        return "repeating"
    return "unreadable" if name == READING else "filtered"


def _each_once(stated: Sequence[Rights | None]) -> list[Rights]:
    found: list[Rights] = []
    for each in stated:
        if each is not None and each not in found:
            found.append(each)
    return found


def _finds_by_row(subject: Subject, rows: Rows) -> npt.NDArray[np.int64] | None:
    path = subject.directory / AUDIT
    if not path.exists():
        return None
    order = np.argsort(rows.ids, kind="stable")
    counts = np.zeros(len(rows), np.int64)
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["document"]):
            ids = ids_of(batch.column(0))
            places = np.searchsorted(rows.ids[order], ids)
            known = places < len(order)
            known[known] = rows.ids[order[places[known]]] == ids[known]
            counts += np.bincount(order[places[known]], minlength=len(rows))
    return counts


def _share_of_rules(subject: Subject, groups: dict[str, str], place: dict[str, int]) -> dict[int, float]:
    """By the number of the group, of the rules that apply to a row the share it passes, on average."""
    rules = rules_with_tags(subject)
    sums, num_rows = np.zeros(len(place)), np.zeros(len(place))
    for batch in judged_batches(subject, rules) if rules else ():
        encoded = batch.table.column("source").dictionary_encode()
        own = np.array([place[groups[source]] for source in encoded.dictionary.to_pylist()], np.int64)
        group = own[encoded.indices.to_numpy(zero_copy_only=False)]
        num_applying = np.zeros(len(group))
        for rule in rules:
            num_applying += ~np.isnan(batch.values[rule.column])
        share = 1 - batch.num_broken / np.maximum(num_applying, 1)
        sums += np.bincount(group, share, minlength=len(place))
        num_rows += np.bincount(group, minlength=len(place))
    return {number: float(sums[number] / num_rows[number]) for number in np.flatnonzero(num_rows).tolist()}
