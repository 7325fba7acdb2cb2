"""What an ailment is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from danlu.monitoring.curves import Curves
from danlu.monitoring.finding import Finding, Unseen

Look = Callable[[Curves], list[Finding] | Unseen]
"""Finds nothing, something, or cannot look."""


@dataclass(frozen=True)
class Ailment:
    """One thing that goes wrong with trainings."""

    key: str
    title: str
    look: Look
    brings: tuple[str, ...] = ()
    """Keys of ailments that follow from this one: where both are found, only this one is named, with the other
    beneath it."""
