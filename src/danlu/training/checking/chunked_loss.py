"""The loss as it is trained, cut into chunks and with gradients of its own, and torch's cross-entropy over the logits
that transformers' own forward pass gives for the whole vocabulary."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from danlu.models.compiling import layout_arguments
from danlu.models.head import CHUNK_TOKENS, TRAINED_CHUNK_TOKENS
from danlu.models.tasks import is_encoder
from danlu.training.batches import MicroBatch
from danlu.training.checking.accumulation import why_not_together
from danlu.training.checking.difference import Trial
from danlu.training.checking.documents import each_document
from danlu.training.checking.subject import Subject, Variant
from danlu.training.objectives.objective import Objective

NUM_STEPS = 3
"""Each has many more rows than other steps."""
CHUNKS = 1.5
"""So many have the targets of a step, so that the loss is cut."""
MOST_ROWS = 64


def why_not(subject: Subject) -> str | None:
    return why_not_together(subject)


def as_trained(subject: Subject) -> Variant:
    """With the loss as it is trained, all rows at once."""
    rows = rows_for_chunks(subject)
    return Variant("chunked loss", rows=rows, rows_at_once=rows, num_steps=NUM_STEPS)


def pair(subject: Subject) -> tuple[Trial, Trial]:
    ours = as_trained(subject)
    smoothing = subject.config.regularisation.label_smoothing

    def plain(objective: Objective) -> Objective:
        return partial(plain_cross_entropy, label_smoothing=smoothing)

    return subject.trial(ours), subject.trial(replace(ours, name="plain loss", objective=plain))


def rows_for_chunks(subject: Subject) -> int:
    """How many rows have targets for `CHUNKS` chunks."""
    chunk = CHUNK_TOKENS if subject.config.adapter else TRAINED_CHUNK_TOKENS
    targets_of_row = subject.data.full_size().at(0).num_targets / subject.num_rows
    return min(MOST_ROWS, max(subject.num_rows, math.ceil(CHUNKS * chunk / targets_of_row)))


def plain_cross_entropy(model: Any, batch: MicroBatch, *, label_smoothing: float) -> torch.Tensor:
    """The sum over targets, by transformers' forward pass and torch's loss alone.

    What transformers tells from the first token of a sequence, the class of a document for one, it tells of one
    document at a time.
    """
    pieces = [batch] if batch.labels is None else each_document(batch)
    return torch.stack([_of_sequence(model, piece, label_smoothing) for piece in pieces]).sum()


def _of_sequence(model: Any, batch: MicroBatch, label_smoothing: float) -> torch.Tensor:
    smoothing = label_smoothing if model.training else 0.0
    encoder = is_encoder(model.config.to_dict())
    optional = {"token_type_ids": batch.segments} if batch.segments is not None else {}
    outputs = model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        **optional,
        **({} if encoder else {"use_cache": False}),
        **layout_arguments(model, batch.documents, batch.input_ids.device),
    )
    if batch.labels is not None and not len(batch.targets):
        return cross_entropy(outputs.logits.float(), batch.labels, reduction="sum", label_smoothing=smoothing)
    logits_TV = (outputs.prediction_logits if batch.labels is not None else outputs.logits)[0].float()
    # In transformers' way: a label for each token, -100 where there is none; causal models shift them.
    labels_T = torch.full_like(batch.input_ids[0], -100)
    labels_T[batch.predicting + (0 if encoder else 1)] = batch.targets
    if not encoder:
        logits_TV, labels_T = logits_TV[:-1], labels_T[1:]
    loss = cross_entropy(logits_TV, labels_T, reduction="sum", label_smoothing=smoothing)
    if batch.labels is None:
        return loss
    return loss + batch.label_weight * cross_entropy(
        outputs.seq_relationship_logits.float(), batch.labels, reduction="sum"
    )
