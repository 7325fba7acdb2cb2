"""Operations of a batch are those that the rows foretell, and their share of the roof is a division."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from danlu.artifacts.tokens import TokenStore
from danlu.models.flops import TrainingFlops
from danlu.training.batches import BatchStream
from danlu.training.health.utilisation import Utilisation
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.documents import DocumentRows
from encoder_toys import encoder_config


def test_operations_are_those_of_the_workload(tiny_model: Any) -> None:
    lengths = np.array([30, 17, 45, 1, 64, 35])
    tokens = np.random.default_rng(0).integers(0, 400, lengths.sum(), dtype=np.uint16)
    store = TokenStore([tokens], np.concatenate([[0], np.cumsum(lengths)]), supervised=None, row_offsets=None)
    batches = BatchStream(ContiguousRows(store, 32, seed=0), rows_per_batch=6, rows_at_once=2)
    batch = batches.at(0)
    load = batches.workload(1)  # one whole epoch
    flops = TrainingFlops.of(tiny_model)
    expected = flops.total(load.num_tokens, sum(len(micro.targets) for micro in batch.micro_batches), load.num_pairs)
    assert Utilisation(tiny_model, None).flops(batch) == pytest.approx(expected, rel=0.02)
    assert Utilisation(tiny_model, 1e9).metrics(batch, 2.0) == {
        "train/mfu": pytest.approx(Utilisation(tiny_model, None).flops(batch) / 2e9)
    }
    assert Utilisation(tiny_model, None).metrics(batch, 2.0) == {}


def test_tokens_of_an_encoder_see_each_other() -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_config(encoder_config())
    lengths = np.array([20, 9, 31])
    tokens = np.random.default_rng(0).integers(4, 60, lengths.sum(), dtype=np.uint16)
    labels = np.array([0, 1, 2], np.int32)
    store = TokenStore([tokens], np.concatenate([[0], np.cumsum(lengths)]), None, None, labels=labels)
    batches = BatchStream(DocumentRows(store, 64, 0, None), rows_per_batch=3, rows_at_once=3)
    load = batches.workload(1)
    expected = TrainingFlops.of(model).total(load.num_tokens, load.num_targets, load.num_pairs, load.num_labels)
    assert Utilisation(model, None).flops(batches.at(0)) == pytest.approx(expected)
