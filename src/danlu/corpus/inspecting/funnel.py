"""The funnel: how many rows were read, what each filter left of them, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from danlu.artifacts.tags import tag_names
from danlu.corpus.dropped import REPETITIONS
from danlu.corpus.inspecting.reasons import OWN, READING, filter_of
from danlu.corpus.inspecting.subject import Subject


@dataclass(frozen=True)
class Step:
    """What one filter did."""

    filter: str
    num_left_out: int
    num_left: int
    """Behind it."""
    reasons: dict[str, int]
    """Rows by reason, the most frequent first."""


@dataclass(frozen=True)
class Funnel:
    """All filters, in the order in which they were asked."""

    num_read: int
    num_kept: int
    steps: list[Step]


def funnel_of(subject: Subject, by_reason: Counter[tuple[str, str]], num_kept: int) -> Funnel:
    """
    Args:
        subject: What is inspected.
        by_reason: Rows that were left out, by source and reason.
        num_kept: Rows that stayed.
    """
    filters: dict[str, Counter[str]] = {}
    for (_, reason), count in by_reason.items():
        filters.setdefault(filter_of(reason), Counter())[reason] += count
    left = num_read = num_kept + sum(by_reason.values())
    steps = []
    for name in _ordered(list(filters), subject):
        num_left_out = sum(filters[name].values())
        left -= num_left_out
        steps.append(Step(name, num_left_out, left, dict(filters[name].most_common())))
    return Funnel(num_read, num_kept, steps)


def _ordered(filters: list[str], subject: Subject) -> list[str]:
    """Tags stand in the order in which what tags was asked."""
    tagging = dict.fromkeys(
        (name.rpartition("/")[0].partition("@")[0] if "@" in name else name).removesuffix("_chinese")
        for name in tag_names(subject.directory)
    )
    order = [READING, OWN, *tagging]
    last = REPETITIONS
    others = sorted(name for name in filters if name not in order and name not in last)
    return [name for name in [*order, *others, *last] if name in filters]
