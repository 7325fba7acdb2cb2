"""Documents that are neighbours in one sequence, and each of them by itself in transformers' own attention."""

from __future__ import annotations

from typing import Any

import torch

from danlu.training.batches import MicroBatch
from danlu.training.checking.accumulation import why_not_together
from danlu.training.checking.difference import Trial
from danlu.training.checking.documents import each_document
from danlu.training.checking.subject import Subject, Variant
from danlu.training.objectives.objective import Objective


def why_not(subject: Subject) -> str | None:
    if not subject.config.isolate_documents:
        return "isolate_documents is false, so the documents of a row are meant to see each other"
    if subject.num_rows == 1 and not subject.data.full_size().rows.share_documents:
        return "a step is one row of one document, which has no neighbours"
    return why_not_together(subject)


def pair(subject: Subject) -> tuple[Trial, Trial]:
    alone = Variant("packing", rows_at_once=subject.num_rows, attention="plain", objective=_each_alone)
    return subject.together, subject.trial(alone)


def _each_alone(objective: Objective) -> Objective:
    """The same sum over targets, with every document in a pass of its own."""

    def summed(model: Any, batch: MicroBatch) -> torch.Tensor:
        return torch.stack([objective(model, document) for document in each_document(batch)]).sum()

    return summed
