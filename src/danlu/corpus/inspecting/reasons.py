"""Why rows were left out: which filter a reason belongs to, and how often each was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts.dropped import NAME
from danlu.corpus.dropped import EXACT, NEAR, REPETITIONS, SEMANTIC
from danlu.corpus.inspecting.subject import Subject

READING, OWN = "reading", "settings"
"""Filters that are no set of rules: what could not be read or made a text, and the stage's own settings."""
OWN_REASONS = ("shorter than ", "longer than ", "it does not match 'matching'", "it is empty")
ROWS_AT_ONCE = 65_536


@dataclass
class LeftOutCounts:
    """Of ``dropped.parquet``."""

    by_reason: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows by source and reason, where all that repeat something have one."""
    files: list[dict[str, str]] = field(default_factory=list)
    """Files that were set aside, whole or from some place on: ``{"source", "reason"}``."""


def count_left_out(subject: Subject) -> LeftOutCounts:
    """Rows and files."""
    counts, num_files = LeftOutCounts(), _num_file_records(subject)
    for batch in dropped_batches(subject):
        head = min(num_files, batch.num_rows)
        counts.files += batch.select(["source", "reason"]).slice(0, head).to_pylist()
        num_files -= head
        table = pa.table({"source": batch.column("source"), "reason": collapsed(batch.column("reason"))}).slice(head)
        for group in table.group_by(["source", "reason"]).aggregate([([], "count_all")]).to_pylist():
            counts.by_reason[group["source"], group["reason"]] += group["count_all"]
    return counts


def dropped_batches(subject: Subject) -> Iterator[pa.RecordBatch]:
    """All of ``dropped.parquet``, some thousand rows at a time."""
    path = subject.directory / NAME
    if path.exists():
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(ROWS_AT_ONCE)


def dropped_rows(subject: Subject) -> Iterator[pa.RecordBatch]:
    """The same without the records of whole files, which stand first."""
    num_files = _num_file_records(subject)
    for batch in dropped_batches(subject):
        head = min(num_files, batch.num_rows)
        num_files -= head
        yield batch.slice(head)


def collapsed(reasons: pa.Array) -> pa.Array:
    """Reasons without the row that is repeated."""
    exact = pc.starts_with(reasons, f"{EXACT} of ")
    near = pc.starts_with(reasons, f"{NEAR} of ")
    semantic = pc.starts_with(reasons, f"{SEMANTIC} of ")
    return pc.if_else(exact, EXACT, pc.if_else(near, NEAR, pc.if_else(semantic, SEMANTIC, reasons)))


def filter_of(reason: str) -> str:
    """Which filter gave a collapsed reason. Sets of rules for two scripts are one filter."""
    name = reason.partition(":")[0]
    if reason in REPETITIONS:
        return reason
    if " " not in name and ("@" in name or "/" in name):
        return name.partition("@")[0].removesuffix("_chinese")
    return OWN if reason.startswith(OWN_REASONS) else READING


def _num_file_records(subject: Subject) -> int:
    """They are the lines of the list that are not counted among rows."""
    path = subject.directory / NAME
    if not path.exists() or "num_dropped" not in subject.facts:
        return 0
    return max(0, int(pq.read_metadata(path).num_rows) - int(subject.facts["num_dropped"]))
