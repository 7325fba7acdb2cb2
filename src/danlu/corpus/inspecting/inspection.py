"""Everything that is found out about cleaned data."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from danlu.artifacts.splits import SPLITS
from danlu.corpus.inspecting.classes import Classes, classes_of
from danlu.corpus.inspecting.funnel import Funnel, funnel_of
from danlu.corpus.inspecting.grouping import grouped
from danlu.corpus.inspecting.languages import Languages, languages_of
from danlu.corpus.inspecting.lengths import Lengths, lengths_of
from danlu.corpus.inspecting.reasons import count_left_out
from danlu.corpus.inspecting.repeats import Repeats, repeats_of
from danlu.corpus.inspecting.rows import Rows, read_rows
from danlu.corpus.inspecting.samples import SideBySide, samples_of
from danlu.corpus.inspecting.sources import PersonalFinds, SourceRow, personal_of, table_of
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.inspecting.thresholds import Curve, curves_of
from danlu.corpus.inspecting.values import Values, values_of


@dataclass(frozen=True)
class Split:
    """Sizes of one split."""

    num_rows: int
    num_characters: int
    num_bytes: int
    """In UTF-8."""


@dataclass(frozen=True)
class Inspection:
    """All numbers of the page."""

    name: str
    id: str | None
    kind: str
    unit: str
    created: str
    notes: list[str]
    total: Split
    splits: dict[str, Split]
    num_tokens: dict[str, int]
    """Tokens of the training split, by the tokens artifacts made of it."""
    num_damaged: int
    """Rows with signs of a wrong encoding."""
    files_set_aside: list[dict[str, str]]
    lengths: Lengths
    languages: Languages
    sources: list[SourceRow]
    classes: Classes | None
    values: list[Values]
    repeats: Repeats
    personal: PersonalFinds | None
    funnel: Funnel
    samples: list[SideBySide]
    curves: list[Curve]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        content = asdict(self)
        for row, source in zip(content["sources"], self.sources, strict=True):
            row["rights"] = [stated.model_dump() for stated in source.rights]
        return content


def inspect(
    subject: Subject, *, num_samples: int = 3, seed: int = 0, num_tokens: dict[str, int] | None = None
) -> Inspection:
    """Look at everything.

    Args:
        subject: What is inspected.
        num_samples: Rows that are shown for each reason.
        seed: Other ones for another seed.
        num_tokens: Of the training split, by the tokens artifacts made of it, if there are any.
    """
    rows = read_rows(subject)
    left_out = count_left_out(subject)
    groups = grouped(sorted({*rows.sources, *(source for source, _ in left_out.by_reason)}))
    lengths = lengths_of(rows)
    by_reason: Counter[str] = Counter()
    for (_, reason), count in left_out.by_reason.items():
        by_reason[reason] += count
    return Inspection(
        name=subject.name,
        id=subject.id,
        kind=subject.kind,
        unit=subject.unit,
        created=subject.created,
        notes=subject.notes,
        total=_sizes(rows, np.ones(len(rows), np.bool_)),
        splits={split: _sizes(rows, rows.split == side) for side, split in enumerate(SPLITS)},
        num_tokens=num_tokens or {},
        num_damaged=int(rows.damaged.sum()),
        files_set_aside=left_out.files,
        lengths=lengths,
        languages=languages_of(subject, len(rows), lengths.mean),
        sources=table_of(subject, rows, left_out.by_reason, groups),
        classes=classes_of(rows),
        values=values_of(subject, rows),
        repeats=repeats_of(subject, rows, groups),
        personal=personal_of(subject, rows),
        funnel=funnel_of(subject, left_out.by_reason, len(rows)),
        samples=samples_of(subject, dict(by_reason), size=num_samples, seed=seed),
        curves=curves_of(subject),
    )


def _sizes(rows: Rows, chosen: Any) -> Split:
    return Split(
        int(chosen.sum()),
        int(rows.characters[chosen].sum(dtype=np.int64)),
        int(rows.num_bytes[chosen].sum(dtype=np.int64)),
    )
