"""The objectives there are."""

from __future__ import annotations

from danlu.models.tasks import Task
from danlu.training.config import TrainConfig
from danlu.training.objectives import classification, masked, next_token
from danlu.training.objectives.objective import ObjectiveType

OBJECTIVES: dict[str, ObjectiveType] = {
    "sft": ObjectiveType(
        task=lambda config: "causal_lm",
        loss=next_token.supervised_cross_entropy,
        store=next_token.answers,
        rows=next_token.packed_or_contiguous,
        config=lambda facts: {},
    ),
    "language_model": ObjectiveType(
        task=lambda config: "causal_lm",
        loss=next_token.supervised_cross_entropy,
        store=next_token.every_token,
        rows=next_token.packed_or_contiguous,
        config=lambda facts: {},
    ),
    "masked_language_model": ObjectiveType(
        task=masked.task,
        loss=masked.masked_cross_entropy,
        store=masked.documents_of_a_corpus,
        rows=masked.masked_rows,
        config=lambda facts: {},
    ),
    "classification": ObjectiveType(
        task=lambda config: "classification",
        loss=classification.class_cross_entropy,
        store=classification.documents_with_labels,
        rows=classification.whole_documents,
        config=classification.classes,
    ),
}


def task_for(config: TrainConfig) -> Task:
    """What the trained model is for, that is, which head it has."""
    return OBJECTIVES[config.objective].task(config)
