"""The same held-out documents for every classifier, one in memory at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.stage import Input, StageContext
from danlu.errors import UserError
from danlu.evaluation.classification.classifier import Classifier
from danlu.evaluation.classification.results import ClassificationResults
from danlu.evaluation.config import EvaluateConfig
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.load import load_model
from danlu.models.tasks import class_names
from danlu.telemetry.allocator import release_memory

FEWEST_ROWS = 2


def evaluate_classifiers(
    config: EvaluateConfig, context: StageContext, data: Input, part: str, precision: str
) -> ClassificationResults:
    """Let every classifier name the class of every document.

    Raises:
        UserError: documents have no class, classifiers tell other classes apart, or scikit-learn is not installed.
    """
    _require_scikit_learn()
    classes = _classes(context.inputs["models"])
    rows, dropped = _rows(data, part, classes, config.rows)
    for reason, count in Counter(reason for _, reason in dropped).items():
        context.reporter.warn(f"{count:,} rows are not scored: {reason}.")
    truth = np.array([classes.index(row["label"]) for row in rows], np.int64)
    predictions = {
        model.name: (_identity(model), _predict(model, [row["text"] for row in rows], precision, config, context))
        for model in context.inputs["models"]
    }
    counted = (data.facts.get("num_by_label") or {}).get("train") or Counter(row["label"] for row in rows)
    return ClassificationResults.of(
        predictions,
        truth=truth,
        classes=classes,
        majority=max(range(len(classes)), key=lambda place: counted.get(classes[place], 0)),
        bootstrap=config.bootstrap,
        row_ids=[str(row["id"]) for row in rows],
        dropped=dropped,
        data=f"{data.name}.{part}",
        precision=precision,
    )


def _require_scikit_learn() -> None:
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise UserError(
            "Scores of classifiers need the package scikit-learn, which is not installed.",
            "Install it with: pip install 'danlu[classification]'",
        )


def _classes(models: list[Input]) -> list[str]:
    """What all of them tell apart."""
    found = {model.name: class_names(model.facts["config"]) for model in models}
    (first, classes), *others = found.items()
    for name, other in others:
        if other != classes:
            raise UserError(
                f"{name} tells {', '.join(other)} apart, and {first} tells {', '.join(classes)}.",
                "Compare classifiers that were trained on the same labels.",
            )
    return classes


def _rows(
    data: Input, part: str, classes: list[str], most: int | None
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Documents in the order of their ids, and those that are left out with the reason."""
    if data.kind != "corpus":
        raise UserError(
            f"data: {data.name} holds conversations, and classifiers are scored on documents with a label.",
            "Name a corpus that was cleaned with 'label'.",
        )
    everything = [row for batch in read_documents(data.path, part) for row in batch.to_pylist()]
    rows, dropped = [], []
    for row in sorted(everything, key=lambda row: str(row["id"]))[:most]:
        if row["label"] in classes:
            rows.append(row)
        else:
            reason = "it has no label" if row["label"] is None else f"its class {row['label']!r} was not learnt"
            dropped.append((str(row["id"]), reason))
    if len(rows) < FEWEST_ROWS:
        raise UserError(
            f"Of {len(everything)} rows of {data.name}.{part} only {len(rows)} have one of the classes"
            f" {', '.join(classes)}.",
            "Clean the corpus with 'label', and hold out more rows.",
        )
    return rows, dropped


def _predict(
    model: Input, texts: list[str], precision: str, config: EvaluateConfig, context: StageContext
) -> npt.NDArray[np.int64]:
    import torch

    assert model.artifact is not None
    register_document_attention()
    loaded = load_model(model.artifact, context.store, dtype=getattr(torch, precision), attention=DOCUMENT_ATTENTION)
    classifier = Classifier(loaded, min(config.length, int(loaded.model.config.max_position_embeddings)))
    with context.reporter.progress(f"Ask {model.name}", len(texts), "documents") as task:
        probabilities = classifier.probabilities(classifier.read(texts), task.advance)
    del loaded, classifier
    release_memory()  # before the next model comes
    predicted: npt.NDArray[np.int64] = np.argmax(probabilities, axis=-1)
    return predicted


def _identity(model: Input) -> str:
    assert model.artifact is not None
    return model.artifact.id
