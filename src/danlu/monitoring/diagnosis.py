"""Looking at a training for every ailment there is, and naming each cause once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from danlu.monitoring.ailments.ailment import Ailment
from danlu.monitoring.ailments.table import AILMENTS, TITLES
from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Finding, Severity, Unseen


@dataclass(frozen=True)
class Diagnosis:
    """Of one training."""

    curves: Curves
    findings: list[Finding]
    """The gravest first; what follows from another finding lies within that one."""
    clear: list[str]
    """Keys of the ailments that were looked for and not found."""
    unseen: dict[str, str]
    """Why an ailment could not be looked for, by its key."""

    @property
    def severity(self) -> Severity | None:
        """Of the gravest finding."""
        return max((finding.severity for finding in self.findings), default=None)

    @property
    def alarms(self) -> list[Finding]:
        """Findings that are more than notes."""
        return [finding for finding in self.findings if finding.severity > Severity.NOTE]

    @property
    def verdict(self) -> str:
        """One line."""
        if self.alarms:
            return "; ".join(TITLES[finding.ailment] for finding in self.alarms)
        if not self.clear and not self.findings:
            return "too little was recorded to judge by"
        return f"nothing wrong in {len(self.clear)} of {len(AILMENTS)} respects" + (
            f"; {len(self.unseen)} could not be looked at" if self.unseen else ""
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.curves.name,
            "stage": self.curves.stage,
            "running": self.curves.is_running,
            "verdict": self.verdict,
            "severity": self.severity.name.lower() if self.severity else None,
            "findings": [finding.to_json() for finding in self.findings],
            "clear": self.clear,
            "unseen": self.unseen,
        }


def diagnose(curves: Curves, ailments: Sequence[Ailment] = AILMENTS) -> Diagnosis:
    """Look for each ailment."""
    found: dict[str, list[Finding]] = {}
    unseen = {}
    for ailment in ailments:
        outcome = ailment.look(curves)
        if isinstance(outcome, Unseen):
            unseen[ailment.key] = outcome.reason
        else:
            found[ailment.key] = outcome
    roots = _roots(found, ailments)
    return Diagnosis(
        curves,
        sorted(roots, key=lambda finding: -finding.severity),
        clear=[key for key, findings in found.items() if not findings],
        unseen=unseen,
    )


def _roots(found: dict[str, list[Finding]], ailments: Sequence[Ailment]) -> list[Finding]:
    """Findings with those they bring beneath them. A note brings nothing: it is no cause of an alarm."""
    taken: set[str] = set()
    roots = []
    for ailment in ailments:
        if ailment.key in taken:
            continue
        for finding in found.get(ailment.key, []):
            brought: list[Finding] = []
            if finding.severity > Severity.NOTE:
                brings = ailment.brings if finding.brings is None else finding.brings
                brought = [one for key in brings if key not in taken for one in found.get(key, [])]
                taken |= set(brings)
            roots.append(replace(finding, consequences=tuple(brought)))
    return [root for root in roots if root.ailment not in taken]
