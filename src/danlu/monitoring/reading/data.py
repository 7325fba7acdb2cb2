"""Facts about the data of a training, from the artifacts it took and made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.artifacts.store import Artifact
from danlu.artifacts.tokens import TokenStore
from danlu.monitoring.curves import DataFacts, HeldOutClasses
from danlu.monitoring.statistics import entropy

MOST_TOKENS = 2_000_000
"""That are counted for the frequencies; the first of each source."""
MOST_ROWS = 2000
"""Held-out documents that a classifier is asked about; evenly spread."""
FEWEST_ROWS = 50


def data_facts(settings: Mapping[str, Any], tokens: Sequence[Artifact], model: Artifact | None) -> DataFacts:
    """What can be known; of a mixture, of its sources together.

    Args:
        settings: Of the train stage.
        tokens: What it read, as far as it is there.
        model: What it made, if it is made.
    """
    if not tokens:
        return DataFacts()
    stores = [TokenStore.open(each.path, "train") for each in tokens]
    if settings.get("objective") == "classification":
        return _of_classes(tokens[0], stores, model)
    size = int(tokens[0].facts.get("vocabulary_size") or 0) or None
    counts = np.bincount(np.concatenate([_targets(store) for store in stores])).astype(np.float64)
    return DataFacts(unigram_nats=entropy(counts) if counts.any() else None, vocabulary_size=size)


def _targets(store: TokenStore) -> npt.NDArray[np.int64]:
    """Shape (targets,): the tokens that are to be predicted, so far as they are looked at."""
    end = min(store.num_tokens, MOST_TOKENS)
    ids = store.input_ids(0, end)
    if store.supervised is not None:
        ids = ids[np.asarray(store.supervised[:end])]
    return ids


def _of_classes(tokens: Artifact, stores: Sequence[TokenStore], model: Artifact | None) -> DataFacts:
    names = [str(name) for name in tokens.facts.get("labels", [])]
    labels = [np.asarray(store.labels) for store in stores if store.labels is not None]
    if not names or not labels:
        return DataFacts()
    counts = np.bincount(np.concatenate(labels), minlength=len(names))
    return DataFacts(
        unigram_nats=entropy(counts.astype(np.float64)),
        class_counts=dict(zip(names, counts.tolist(), strict=True)),
        held_out=_held_out(tokens, model) if model is not None else None,
    )


def _held_out(tokens: Artifact, model: Artifact) -> HeldOutClasses | None:
    """What the classifier says of validation documents, or of test documents where there are none of those."""
    for split in ("validation", "test"):
        store = TokenStore.open(tokens.path, split)
        if store.labels is not None and store.num_documents >= FEWEST_ROWS:
            break
    else:
        return None
    from danlu.evaluation.classification.classifier import Classifier

    rows = np.unique(np.linspace(0, store.num_documents - 1, MOST_ROWS).astype(np.int64))
    offsets = np.asarray(store.document_offsets)
    documents = [store.input_ids(int(offsets[row]), int(offsets[row + 1])).tolist() for row in rows]
    probabilities = Classifier.load(model.path).probabilities(documents)
    return HeldOutClasses(np.asarray(store.labels)[rows].astype(np.int64), probabilities, split)
