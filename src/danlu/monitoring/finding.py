"""What a diagnosis finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from danlu.monitoring.curves import Series


class Severity(IntEnum):
    """How bad it is."""

    NOTE = 1
    """Worth knowing; nothing is wrong."""
    WARNING = 2
    """The result is worse, or dearer, than it need be."""
    CRITICAL = 3
    """The result is of no use, or the run will not reach its end."""


@dataclass(frozen=True)
class Region:
    """Where on the plot it shows, in the steps of the plot."""

    first: float
    last: float
    label: str


@dataclass(frozen=True, eq=False)
class Bars:
    """Numbers side by side, for what has no steps."""

    values: Mapping[str, float]
    unit: str
    marked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is plotted."""

    title: str
    unit: str = ""
    series: Mapping[str, Series] = field(default_factory=dict)
    """Lines by their names."""
    region: Region | None = None
    limit: float | None = None
    """A level worth drawing across: a threshold, or what chance would reach."""
    limit_label: str = ""
    logarithmic: bool = False
    bars: Bars | None = None
    """Instead of lines."""


@dataclass(frozen=True)
class Change:
    """What to change, and why."""

    why: str
    """A sentence."""
    option: str | None = None
    """``--set STAGE.SETTING=VALUE``, where one setting does it."""


@dataclass(frozen=True)
class Finding:
    """One ailment of one run."""

    ailment: str
    """Its key in the table of ailments."""
    severity: Severity
    sentence: str
    """What is wrong in plain words, with the numbers."""
    evidence: list[Evidence]
    changes: list[Change]
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What the sentence was made of, for programs."""
    brings: tuple[str, ...] | None = None
    """Keys of ailments that follow from this one; None for those that the table names."""
    consequences: tuple[Finding, ...] = ()
    """What else was found and follows from this."""

    def to_json(self) -> dict[str, Any]:
        return {
            "ailment": self.ailment,
            "severity": self.severity.name.lower(),
            "sentence": self.sentence,
            "numbers": dict(self.numbers),
            "changes": [{"option": change.option, "why": change.why} for change in self.changes],
            "consequences": [finding.to_json() for finding in self.consequences],
        }


@dataclass(frozen=True)
class Unseen:
    """An ailment could not be looked for."""

    reason: str
    """What was missing, as a sentence without its full stop."""
