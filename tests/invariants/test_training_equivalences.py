"""Ways of computing the same step that must give the same step.

In float32, loss and gradients must agree within 1e-5 relative, whatever is packed, accumulated, chunked or fused.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from danlu.artifacts.tokens import TokenStore
from danlu.hardware.threads import workers_of_one_thread
from danlu.models.adapters import add_lora
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.load import load_causal_lm
from danlu.training.batches import BatchStream
from danlu.training.objectives.next_token import supervised_cross_entropy
from danlu.training.passes import Passes
from danlu.training.rows.packed import PackedRows
from packed_rows import make_store

RELATIVE = 1e-5
PACKED = make_store([[30, 11, 20], [61], [5, 5, 40, 9], [17, 44], [64], [3, 33, 25], [60], [31, 31]])
UNPACKED = replace(PACKED, row_offsets=np.arange(PACKED.num_documents + 1))


def lora_model(directory: Path, attention: str) -> Any:
    register_document_attention()
    model = load_causal_lm(directory, dtype=torch.float32, attention=attention)
    model = add_lora(model, rank=4, alpha=8, dropout=0.0, targets="all-linear", seed=0)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(generator=generator).mul_(0.05)
    return model


def loss_and_gradient(
    directory: Path, store: TokenStore, rows_at_once: int, *, side_by_side: bool = False
) -> tuple[float, torch.Tensor]:
    """Of one step over all the rows: mean loss, and every gradient in one vector."""
    model = lora_model(directory, DOCUMENT_ATTENTION)
    rows = PackedRows(store, seed=0)
    batches = BatchStream(rows, rows_per_batch=rows.num_rows, rows_at_once=rows_at_once)
    with workers_of_one_thread() as workers:
        passes = Passes(model, supervised_cross_entropy, pool=workers if side_by_side else None)
        loss = passes.accumulate_gradients(batches.at(0))
    return loss, torch.cat([p.grad.flatten() for p in passes.trained if p.grad is not None])


def assert_same(one: tuple[float, torch.Tensor], other: tuple[float, torch.Tensor]) -> None:
    assert one[0] == pytest.approx(other[0], rel=RELATIVE)
    difference = (one[1] - other[1]).norm() / other[1].norm()
    assert float(difference) < RELATIVE


def plain_reference(directory: Path) -> tuple[float, torch.Tensor]:
    """transformers' own model with its own attention and full logits, one document at a time."""
    model = lora_model(directory, "eager")
    num_targets = PACKED.num_supervised
    total = 0.0
    assert PACKED.supervised is not None
    for start, end in pairwise(PACKED.document_offsets.tolist()):
        ids = torch.from_numpy(PACKED.input_ids(start, end))
        targets = torch.from_numpy(np.where(PACKED.supervised[start:end], ids.numpy(), -100))
        logits = model(input_ids=ids[None]).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], targets[1:], reduction="sum", ignore_index=-100)
        (loss / num_targets).backward()
        total += float(loss.detach())
    gradients = [p.grad.flatten() for p in model.parameters() if p.requires_grad and p.grad is not None]
    return total / num_targets, torch.cat(gradients)


def test_packed_equals_unpacked(tiny_model_dir: Path) -> None:
    assert_same(loss_and_gradient(tiny_model_dir, PACKED, 1), loss_and_gradient(tiny_model_dir, UNPACKED, 1))


def test_one_by_eight_equals_eight_by_one(tiny_model_dir: Path) -> None:
    assert_same(loss_and_gradient(tiny_model_dir, PACKED, 1), loss_and_gradient(tiny_model_dir, PACKED, 8))


def test_uneven_accumulation_is_the_same_too(tiny_model_dir: Path) -> None:
    assert_same(loss_and_gradient(tiny_model_dir, PACKED, 3), loss_and_gradient(tiny_model_dir, PACKED, 8))


def test_side_by_side_gives_the_same_bits(tiny_model_dir: Path) -> None:
    """However many workers there are and whichever is done first."""
    alone = loss_and_gradient(tiny_model_dir, PACKED, 1)
    for _ in range(3):
        together = loss_and_gradient(tiny_model_dir, PACKED, 1, side_by_side=True)
        assert together[0] == alone[0]
        assert torch.equal(together[1], alone[1])


def test_all_of_it_equals_plain_transformers(tiny_model_dir: Path) -> None:
    """Packed, chunked, fused and document-wise against unpacked rows, full logits and transformers' eager attention."""
    assert_same(loss_and_gradient(tiny_model_dir, PACKED, 4), plain_reference(tiny_model_dir))


def test_chunked_loss_equals_plain_loss(tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from danlu.models import head

    whole = loss_and_gradient(tiny_model_dir, PACKED, 8)
    monkeypatch.setattr(head, "CHUNK_TOKENS", 13)
    assert_same(loss_and_gradient(tiny_model_dir, PACKED, 8), whole)
