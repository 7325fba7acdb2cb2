"""What an equivalence is, and what was found about one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from danlu.training.checking.difference import Difference, Trial
from danlu.training.checking.subject import Subject, Variant

Verdict = Literal["agrees", "differs", "does not apply"]


@dataclass(frozen=True)
class Equivalence:
    """Two ways of training that must come to the same."""

    name: str
    compares: str
    """What with what."""
    like: Callable[[Subject], Variant] | None
    """A training of the same size, by which is measured what rounding may move. None: all bits must agree."""
    why_not: Callable[[Subject], str | None]
    """Why there is nothing to compare; None if there is."""
    pair: Callable[[Subject], tuple[Trial, Trial]]
    """The one way and the other."""


@dataclass(frozen=True)
class Finding:
    """What became of one."""

    name: str
    compares: str
    verdict: Verdict
    why: str
    """Why it does not apply, or where the tolerance comes from."""
    difference: Difference | None = None
    tolerances: Difference | None = None
    """Without what rounding moves so far that it tells nothing."""
    worst: str | None = None
    """What uses most of its tolerance."""
    seconds: float = 0.0
