"""Layers and loss compiled, and not compiled."""

from __future__ import annotations

from danlu.training.checking.difference import Trial
from danlu.training.checking.subject import Subject, Variant


def why_not(subject: Subject) -> str | None:
    return subject.why_not_compiled


def pair(subject: Subject) -> tuple[Trial, Trial]:
    compiled = Variant("compiling", rows_at_once=subject.config.batch.rows_at_once, attention="compiled")
    return subject.trial(compiled), subject.one_by_one
