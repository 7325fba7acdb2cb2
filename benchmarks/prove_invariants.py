"""On the real model and real rows, in float32: packing, accumulation and the chunked loss change nothing.

One optimizer step of eight packed rows is computed in ways that must agree; the figure is the largest relative
difference between two losses. Differences between gradients are written beside it. The same equivalences, and more of
them, are tests on a tiny model (tests/invariants).
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import REPOSITORY, report, run_recipe
from danlu.artifacts.tokens import TokenStore
from danlu.models.adapters import add_lora
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.head import Head, hidden_states
from danlu.models.load import load_causal_lm
from danlu.training.batches import BatchStream, MicroBatch
from danlu.training.objectives.next_token import supervised_cross_entropy
from danlu.training.objectives.objective import Objective
from danlu.training.passes import Passes
from danlu.training.rows.packed import PackedRows

RECIPE = REPOSITORY / "benchmarks" / "sft.yaml"
NUM_ROWS = 8
BAR = 1e-5

LossAndGradient = tuple[float, torch.Tensor]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="danlu-invariants-") as directory:
        stages = run_recipe(RECIPE, Path(directory), "--set", "tuned.budget.steps=1")["stages"]
        store = first_rows(TokenStore.open(Path(stages["packed"]["path"]), "train"), NUM_ROWS)
        pairs = compare(Path(stages["base"]["path"]), store)
    for pair in pairs:
        print(f"{pair['what']}: loss {pair['loss_difference']:.1e}, gradient {pair['gradient_difference']:.1e}")
    worst = max(pair["loss_difference"] for pair in pairs)
    met = report("training_invariants", worst, BAR, smaller_is_better=True, num_tokens=store.num_tokens, pairs=pairs)
    sys.exit(not met)


def compare(model: Path, store: TokenStore) -> list[dict[str, Any]]:
    """Relative differences of loss and gradient, for each pair of ways that must agree."""
    ours = lora_model(model, DOCUMENT_ATTENTION)
    one_by_one = step(ours, store, rows_at_once=1)
    at_once = step(ours, store, rows_at_once=NUM_ROWS)
    unpacked = step(ours, one_document_a_row(store), rows_at_once=1)
    full_logits = step(ours, store, rows_at_once=1, objective=plain_cross_entropy)
    del ours
    plain = plain_step(lora_model(model, "sdpa"), store)
    return [
        difference("packed beside unpacked", one_by_one, unpacked),
        difference(f"accumulation 1 x {NUM_ROWS} beside {NUM_ROWS} x 1", at_once, one_by_one),
        difference("chunked loss beside full logits", one_by_one, full_logits),
        difference("all of it beside transformers alone, one example at a time", at_once, plain),
    ]


def difference(what: str, one: LossAndGradient, other: LossAndGradient) -> dict[str, Any]:
    """Relative differences; that of the gradients is of their Euclidean norms."""
    return {
        "what": what,
        "losses": [one[0], other[0]],
        "loss_difference": abs(one[0] - other[0]) / abs(other[0]),
        "gradient_difference": float((one[1] - other[1]).norm() / other[1].norm()),
    }


def lora_model(directory: Path, attention: str) -> Any:
    """The model in float32 with an adapter whose weights are all random, so that every gradient counts."""
    register_document_attention()
    model = load_causal_lm(directory, dtype=torch.float32, attention=attention)
    model = add_lora(model, rank=16, alpha=32, dropout=0.0, targets="all-linear", seed=0)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(generator=generator).mul_(0.01)
    return model


def step(
    model: Any, store: TokenStore, *, rows_at_once: int, objective: Objective = supervised_cross_entropy
) -> LossAndGradient:
    """Mean loss and gradient of one step over all rows, as the training loop computes them."""
    rows = PackedRows(store, seed=0)
    batches = BatchStream(rows, rows_per_batch=rows.num_rows, rows_at_once=rows_at_once)
    return Passes(model, objective).accumulate_gradients(batches.at(0)), take_gradient(model)


def plain_cross_entropy(model: Any, batch: MicroBatch) -> torch.Tensor:
    """`supervised_cross_entropy` with all logits at once and torch's own loss."""
    hidden_BTD = hidden_states(
        model, input_ids=batch.input_ids, position_ids=batch.position_ids, documents=batch.documents
    )
    logits_NV = Head.of(model).logits(hidden_BTD[0, batch.predicting])
    return torch.nn.functional.cross_entropy(logits_NV, batch.targets, reduction="sum")


def plain_step(model: Any, store: TokenStore) -> LossAndGradient:
    """The same step with transformers and torch only: each example by itself, all logits, labels masked by -100."""
    assert store.supervised is not None
    total = 0.0
    for start, end in pairwise(store.document_offsets.tolist()):
        ids_T = torch.from_numpy(store.input_ids(start, end))
        targets_T = ids_T.masked_fill(~torch.from_numpy(store.supervised[start:end].copy()), -100)
        logits_TV = model(input_ids=ids_T[None]).logits[0]
        loss = torch.nn.functional.cross_entropy(logits_TV[:-1], targets_T[1:], reduction="sum")
        (loss / store.num_supervised).backward()
        total += float(loss.detach())
    return total / store.num_supervised, take_gradient(model)


def take_gradient(model: Any) -> torch.Tensor:
    """All gradients in one vector; the model's are cleared."""
    gradients = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad(set_to_none=True)
    return torch.cat(gradients)


def first_rows(store: TokenStore, count: int) -> TokenStore:
    """The first `count` rows."""
    assert store.row_offsets is not None
    assert store.supervised is not None
    num_documents = int(store.row_offsets[count])
    num_tokens = int(store.document_offsets[num_documents])
    return TokenStore(
        shards=[store.input_ids(0, num_tokens)],
        document_offsets=store.document_offsets[: num_documents + 1],
        supervised=store.supervised[:num_tokens],
        row_offsets=store.row_offsets[: count + 1],
    )


def one_document_a_row(store: TokenStore) -> TokenStore:
    """The same examples, each in a row of its own."""
    return replace(store, row_offsets=np.arange(store.num_documents + 1))


if __name__ == "__main__":
    main()
