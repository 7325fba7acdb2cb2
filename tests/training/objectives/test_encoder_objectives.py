"""Encoders' losses on packed rows are those of transformers' own models, one document at a time and without padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from danlu.models.masking import Shares
from danlu.training.batches import Batch, BatchStream
from danlu.training.held_out import HeldOut
from danlu.training.objectives.classification import class_cross_entropy
from danlu.training.objectives.masked import masked_cross_entropy
from danlu.training.passes import Passes
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.documents import DocumentRows
from danlu.training.rows.masked import MaskedRows
from danlu.training.rows.pairs import PairRows
from danlu.training.rows.row import Row, SourceRows
from encoder_toys import FRAME, make_documents, make_encoder, mask_vocabulary

RELATIVE = 1e-5
STORE = make_documents([23, 9, 40, 17, 5, 33, 12, 28])


def masked(rows: SourceRows) -> MaskedRows:
    return MaskedRows(rows, mask_vocabulary(), Shares(), seed=3, whole_words=True)


def loss_and_gradient(
    task: Any, objective: Any, rows: SourceRows, rows_at_once: int, dtype: torch.dtype | None = None
) -> tuple[float, torch.Tensor]:
    """Of one step over eight rows."""
    model = make_encoder(task)
    trained = list(model.parameters())
    batch: Batch = BatchStream(rows, rows_per_batch=8, rows_at_once=rows_at_once).at(0)
    loss = Passes(model, objective, dtype=dtype).accumulate_gradients(batch)
    gradients = [p.grad.flatten() if p.grad is not None else torch.zeros(p.numel()) for p in trained]
    return loss, torch.cat(gradients)


def expected(task: Any, loss: torch.Tensor, model: Any) -> tuple[float, torch.Tensor]:
    gradients = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    return float(loss.detach()), torch.cat([gradient.flatten() for gradient in gradients])


def documents(row: Row) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What is seen and what is to be told of each document, (1, length); -100 where nothing is."""
    labels = np.where(row.supervised, row.input_ids, -100)
    assert row.seen is not None
    borders = np.cumsum(row.document_lengths)[:-1]
    pairs = zip(np.split(row.seen, borders), np.split(labels, borders), strict=True)
    return [(torch.from_numpy(seen)[None], torch.from_numpy(told)[None]) for seen, told in pairs]


@pytest.mark.parametrize("rows_at_once", [1, 3, 8])
def test_hidden_tokens(rows_at_once: int) -> None:
    rows = masked(ContiguousRows(STORE, 64, seed=0))
    model = make_encoder("masked_lm", plain=True)
    parts = [part for place in range(8) for part in documents(rows.row(place))]
    num_targets = sum(int((labels >= 0).sum()) for _, labels in parts)
    assert len(parts) > 20
    total = torch.zeros(())
    for seen, labels in parts:
        if (count := int((labels >= 0).sum())) > 0:
            total = total + model(input_ids=seen, labels=labels).loss * count
    right = expected("masked_lm", total / num_targets, model)
    found = loss_and_gradient("masked_lm", masked_cross_entropy, rows, rows_at_once)
    assert found[0] == pytest.approx(right[0], rel=RELATIVE)
    torch.testing.assert_close(found[1], right[1], rtol=1e-4, atol=RELATIVE)


@pytest.mark.parametrize("rows_at_once", [1, 3, 8])
def test_pairs_of_segments(rows_at_once: int) -> None:
    rows = masked(PairRows(STORE, FRAME, 32, seed=0))
    drawn = [rows.row(place) for place in range(8)]
    longest = max(len(row.input_ids) for row in drawn)
    # transformers takes both means over a padded batch.
    batch = {name: torch.zeros(8, longest, dtype=torch.long) for name in ("input_ids", "token_type_ids", "mask")}
    labels = torch.full((8, longest), -100)
    for index, row in enumerate(drawn):
        length = len(row.input_ids)
        assert row.segments is not None
        batch["input_ids"][index, :length] = torch.from_numpy(row.seen)
        batch["token_type_ids"][index, :length] = torch.from_numpy(row.segments)
        batch["mask"][index, :length] = 1
        labels[index, :length] = torch.from_numpy(np.where(row.supervised, row.input_ids, -100))
    model = make_encoder("pretraining", plain=True)
    loss = model(
        input_ids=batch["input_ids"],
        token_type_ids=batch["token_type_ids"],
        attention_mask=batch["mask"],
        labels=labels,
        next_sentence_label=torch.tensor([int(row.labels[0]) for row in drawn if row.labels is not None]),
    ).loss
    right = expected("pretraining", loss, model)
    found = loss_and_gradient("pretraining", masked_cross_entropy, rows, rows_at_once)
    assert found[0] == pytest.approx(right[0], rel=RELATIVE)
    torch.testing.assert_close(found[1], right[1], rtol=1e-4, atol=RELATIVE)


@pytest.mark.parametrize("rows_at_once", [1, 3, 8])
def test_classes(rows_at_once: int) -> None:
    rows = DocumentRows(STORE, 64, seed=0)
    model = make_encoder("classification", plain=True)
    losses = []
    for place in range(8):
        row = rows.row(place)
        assert row.labels is not None
        losses.append(model(input_ids=torch.from_numpy(row.input_ids)[None], labels=torch.from_numpy(row.labels)).loss)
    right = expected("classification", torch.stack(losses).mean(), model)
    found = loss_and_gradient("classification", class_cross_entropy, rows, rows_at_once)
    assert found[0] == pytest.approx(right[0], rel=RELATIVE)
    torch.testing.assert_close(found[1], right[1], rtol=1e-4, atol=RELATIVE)


def test_label_smoothing_holds_while_training_only() -> None:
    batch = BatchStream(DocumentRows(STORE, 64, seed=0), rows_per_batch=8, rows_at_once=8).at(0).micro_batches[0]
    model = make_encoder("classification")
    plain = class_cross_entropy(model, batch)
    assert class_cross_entropy(model, batch, label_smoothing=0.3) == plain
    assert class_cross_entropy(model.train(), batch, label_smoothing=0.3) != plain


@pytest.mark.parametrize(
    ("task", "objective", "rows"),
    [
        ("masked_lm", masked_cross_entropy, masked(ContiguousRows(STORE, 64, seed=0))),
        ("pretraining", masked_cross_entropy, masked(PairRows(STORE, FRAME, 32, seed=0))),
        ("classification", class_cross_entropy, DocumentRows(STORE, 64, seed=0)),
    ],
)
def test_passes_over_rounded_weights_are_near(task: Any, objective: Any, rows: SourceRows) -> None:
    exact, rounded = (loss_and_gradient(task, objective, rows, 4, dtype) for dtype in (None, torch.bfloat16))
    assert rounded[0] == pytest.approx(exact[0], rel=0.02)
    assert torch.nn.functional.cosine_similarity(rounded[1], exact[1], dim=0) > 0.99


@pytest.mark.parametrize("rows_at_once", [1, 3, 8])
def test_held_out_pairs_cost_what_they_cost_together(rows_at_once: int) -> None:
    rows = masked(PairRows(STORE, FRAME, 32, seed=0))
    passes = Passes(make_encoder("pretraining"), masked_cross_entropy)
    together = BatchStream(rows, rows_per_batch=rows.num_rows, rows_at_once=rows.num_rows).at(0)
    assert together.micro_batches[0].label_weight == together.num_targets / rows.num_rows
    expected_loss = passes.mean_loss(together.micro_batches)
    assert passes.mean_loss(HeldOut([rows], rows_at_once)) == pytest.approx(expected_loss, rel=RELATIVE)
