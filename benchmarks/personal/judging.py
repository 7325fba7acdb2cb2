"""What was found, held against what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from danlu.corpus.personal.finding import Hit

CHECKSUMMED = ("resident_id", "credit_code", "card", "iban")
"""Kinds with check digits. Resident IDs of 15 digits, which have none, are counted among them."""

Truth = tuple[int, int, str, str]
"""Start, end, kind, slot."""


@dataclass
class Judgement:
    """Counts by kind."""

    there: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    """Of the right kind, with the exact span."""
    touched: Counter[str] = field(default_factory=Counter)
    """Values of which at least half of the characters were found, as whatever kind."""
    spilled: Counter[str] = field(default_factory=Counter)
    """Findings that hold a value and more than the value."""
    missed_slots: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    """Kind, what was found wrongly, and its surroundings."""
    missed: list[tuple[str, str, str]] = field(default_factory=list)

    def recall(self, kinds: Sequence[str]) -> float:
        return sum(self.right[kind] for kind in kinds) / max(1, sum(self.there[kind] for kind in kinds))

    def precision(self, kinds: Sequence[str]) -> float:
        return sum(self.right[kind] for kind in kinds) / max(1, sum(self.found[kind] for kind in kinds))

    def table(self) -> dict[str, dict[str, Any]]:
        """Everything by kind."""
        return {
            kind: {
                "there": self.there[kind],
                "found": self.found[kind],
                "right": self.right[kind],
                "recall": round(self.recall([kind]), 4),
                "precision": round(self.precision([kind]), 4),
                "touched": round(self.touched[kind] / max(1, self.there[kind]), 4),
                "spilled": self.spilled[kind],
            }
            for kind in sorted({*self.there, *self.found})
        }


def judge(texts: Sequence[str], truths: Sequence[Sequence[Truth]], hits: Sequence[Hit]) -> Judgement:
    """Compare hits with the truth, span by span."""
    by_text: dict[int, list[Hit]] = {}
    for hit in hits:
        by_text.setdefault(hit.text, []).append(hit)
    judgement = Judgement()
    for number, (text, there) in enumerate(zip(texts, truths, strict=True)):
        _judge_text(text, there, by_text.get(number, []), judgement)
    return judgement


def _judge_text(text: str, there: Sequence[Truth], hits: list[Hit], judgement: Judgement) -> None:
    spans = {(hit.start, hit.start + hit.length, hit.kind) for hit in hits}
    known = {(start, end, kind) for start, end, kind, _ in there}
    covered = {place for start, end, _ in spans for place in range(start, end)}
    for start, end, kind, slot in there:
        judgement.there[kind] += 1
        judgement.touched[kind] += sum(place in covered for place in range(start, end)) * 2 >= end - start
        if (start, end, kind) in spans:
            judgement.right[kind] += 1
        else:
            judgement.missed_slots[slot] += 1
            judgement.missed.append((slot, text[start:end], text[max(0, start - 15) : end + 15]))
    for start, end, kind in sorted(spans):
        judgement.found[kind] += 1
        if (start, end, kind) in known:
            continue
        holds = any(start <= first and last <= end and (start, end) != (first, last) for first, last, _, _ in there)
        judgement.spilled[kind] += holds
        judgement.wrong.append((kind, text[start:end], text[max(0, start - 15) : end + 15]))
