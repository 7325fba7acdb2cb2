"""The documents of a micro-batch, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from danlu.models.attention import DocumentLayout
from danlu.training.batches import MicroBatch


def each_document(batch: MicroBatch) -> list[MicroBatch]:
    """Each document that has a target, in a micro-batch of its own that is not filled up; all in one where none has."""
    return [document for document in _documents(batch) if document.num_targets] or [batch]


def _documents(batch: MicroBatch) -> Iterator[MicroBatch]:
    start = 0
    for number, length in enumerate(batch.documents.lengths):
        if start == batch.num_tokens:
            return  # what fills up
        end = start + length
        own = (batch.predicting >= start) & (batch.predicting < end)
        yield replace(
            batch,
            num_tokens=length,
            input_ids=batch.input_ids[:, start:end],
            position_ids=batch.position_ids[:, start:end],
            documents=DocumentLayout((length,), row_length=length),
            predicting=batch.predicting[own] - start,
            targets=batch.targets[own],
            segments=None if batch.segments is None else batch.segments[:, start:end],
            firsts=None if batch.firsts is None else batch.firsts[number : number + 1] - start,
            labels=None if batch.labels is None else batch.labels[number : number + 1],
        )
        start = end
