"""A step's rows one at a time, and all at once: the loss is divided once, by the targets of the whole batch."""

from __future__ import annotations

from danlu.errors import UserError
from danlu.training.checking.difference import Trial
from danlu.training.checking.subject import Subject


def why_not(subject: Subject) -> str | None:
    if subject.num_rows == 1:
        return "batch.rows is 1, so a step is one pass in any case"
    return why_not_together(subject)


def why_not_together(subject: Subject) -> str | None:
    """Why rows of this model cannot go through it together; None if they can."""
    try:
        subject.attention(subject.num_rows)
    except UserError as error:
        return error.what.removesuffix(".")
    return None


def pair(subject: Subject) -> tuple[Trial, Trial]:
    return subject.together, subject.one_by_one
