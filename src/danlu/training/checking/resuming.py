"""Stopped half way, saved, loaded into everything made anew and trained to the end; and never stopped."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryDirectory

from danlu.training.checking.difference import Trial
from danlu.training.checking.subject import Subject, Variant

STRAIGHT = Variant("resuming", is_as_configured=True)


def why_not(subject: Subject) -> str | None:
    return None


def pair(subject: Subject) -> tuple[Trial, Trial]:
    with TemporaryDirectory(dir=subject.scratch) as directory:
        half = replace(STRAIGHT, checkpoints=directory, stop_after=subject.num_steps // 2)
        before = subject.make_trial(half)
        after = subject.make_trial(replace(STRAIGHT, checkpoints=directory))
    whole = replace(after, losses=before.losses + after.losses, first_gradient=before.first_gradient)
    return whole, subject.trial(STRAIGHT)
