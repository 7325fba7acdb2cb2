"""Rows that repeat others: how many, which texts come back most often, and from which source to which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from danlu.corpus.dropped import EXACT, NEAR, SEMANTIC
from danlu.corpus.inspecting.reasons import collapsed, dropped_rows
from danlu.corpus.inspecting.rows import Rows, id_text, ids_of
from danlu.corpus.inspecting.subject import Subject

CLUSTERS = 8
MEMBERS = 4


@dataclass(frozen=True)
class Cluster:
    """Rows that repeat one that stayed."""

    id: str
    """Of the one that stayed."""
    num_exact: int
    num_near: int
    members: list[dict[str, str]]
    """The first of those that were left out: ``{"source", "reason", "text"}``."""


@dataclass(frozen=True)
class Repeats:
    """Of rows that were left out since they repeat one that stayed."""

    looked_for: list[str]
    """``exact``, ``near``: what the settings asked for; empty if they are not known."""
    num_exact: int
    num_near: int
    """By their letters or by what they say."""
    num_clusters: int
    """Rows that stayed and are repeated by others."""
    clusters: list[Cluster]
    """Those with most members first."""
    by_source: list[tuple[str, str, int]]
    """Group of the row that was left out, group of the one that stayed, how many; the most first."""


def repeats_of(subject: Subject, rows: Rows, groups: dict[str, str]) -> Repeats:
    """
    Args:
        subject: What is inspected.
        rows: Those that stayed.
        groups: Name of the group of each source.
    """
    firsts, is_exact, sources = _pairs(subject)
    distinct, place_of, sizes = np.unique(firsts, return_inverse=True, return_counts=True)
    exact = np.bincount(place_of, is_exact, minlength=len(distinct)).astype(int)
    largest = np.lexsort((distinct, -sizes))[:CLUSTERS]
    members = _members(subject, [int(each) for each in distinct[largest]])
    clusters = [
        Cluster(
            id_text(int(distinct[place])),
            int(exact[place]),
            int(sizes[place] - exact[place]),
            members.get(int(distinct[place]), []),
        )
        for place in largest
    ]
    return Repeats(
        _looked_for(subject),
        int(is_exact.sum()),
        int((~is_exact).sum()),
        len(distinct),
        clusters,
        _by_source(firsts, sources, rows, groups),
    )


def first_ids(reasons: pa.Array) -> pa.Array:
    """The id that a reason names as the one that is repeated."""
    return pc.struct_field(pc.extract_regex(reasons, r"duplicate of (?P<id>[0-9a-f]{16}) "), "id")


def _looked_for(subject: Subject) -> list[str]:
    if subject.config is None:
        return []
    settings = subject.config.deduplicate
    return [name for name, asked in (("exact", settings.exact), ("near", settings.near is not None)) if asked]


def _pairs(subject: Subject) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Of each row that repeats another: that other's id, whether it is equal, its own source."""
    firsts, is_exact, sources = [np.zeros(0, np.uint64)], [np.zeros(0, np.bool_)], []
    for batch in _repetitions(subject):
        firsts.append(ids_of(first_ids(batch.column("reason"))))
        is_exact.append(pc.starts_with(batch.column("reason"), EXACT).to_numpy(zero_copy_only=False))
        sources += batch.column("source").to_pylist()
    return np.concatenate(firsts), np.concatenate(is_exact), sources


def _repetitions(subject: Subject) -> list[pa.RecordBatch]:
    found = []
    for batch in dropped_rows(subject):
        reasons = batch.column("reason")
        found.append(batch.filter(pc.is_in(collapsed(reasons), pa.array([EXACT, NEAR, SEMANTIC]))))
    return found


def _members(subject: Subject, wanted: list[int]) -> dict[int, list[dict[str, str]]]:
    values = pa.array([id_text(each) for each in wanted], pa.string())
    found: dict[int, list[dict[str, str]]] = {}
    for batch in _repetitions(subject):
        for row in batch.filter(pc.is_in(first_ids(batch.column("reason")), values)).to_pylist():
            of_first = found.setdefault(int(row["reason"].split(" of ")[1][:16], 16), [])
            if len(of_first) < MEMBERS:
                of_first.append({name: row[name] for name in ("source", "reason", "text")})
    return found


def _by_source(
    firsts: np.ndarray, sources: list[str], rows: Rows, groups: dict[str, str]
) -> list[tuple[str, str, int]]:
    order = np.argsort(rows.ids, kind="stable")
    places = np.searchsorted(rows.ids[order], firsts)
    known = places < len(order)
    known[known] = rows.ids[order[places[known]]] == firsts[known]
    counts: Counter[tuple[str, str]] = Counter()
    kept_group = [groups[source] for source in rows.sources]
    for place, source in zip(np.flatnonzero(known).tolist(), np.array(sources, object)[known].tolist(), strict=True):
        counts[groups[source], kept_group[rows.source[order[places[place]]]]] += 1
    return [(gone, stayed, count) for (gone, stayed), count in counts.most_common()]
