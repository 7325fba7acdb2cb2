"""Norms of one step of a tiny model, on one process or on ranks in any layout."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from layout_training import LENGTHS, tiny_model

from danlu.training.batches import BatchStream
from danlu.training.config import TrainConfig
from danlu.training.health.norms import Norms
from danlu.training.health.ranks import sum_over_ranks
from danlu.training.held import hold
from danlu.training.optimizer import make_optimizer
from danlu.training.optimizers.groups import trained_by_name
from danlu.training.parallel.taking_apart import take_apart
from danlu.training.rows.packed import PackedRows
from danlu.training.setup import make_passes
from danlu.training.world import World
from packed_rows import make_store


def norms_in_layout(rank: int, size: int, *, layout: dict[str, Any]) -> dict[str, Any]:
    config = TrainConfig.model_validate(
        {
            "do": "train",
            "model": "m",
            "data": "d",
            "budget": {"steps": 1},
            "precision": "fp32",
            "optimizer": {"kind": "sgd", "learning_rate": 0.1},
            "parallel": layout,
        }
    )
    world, model, whole = World(config.parallel), tiny_model(), tiny_model()
    stream = BatchStream(PackedRows(make_store(LENGTHS, vocabulary=401), seed=0), rows_per_batch=4, rows_at_once=1)
    alone = nullcontext((hold(model), make_passes(model, config, None)))
    with take_apart(model, config, world) if size > 1 else alone as (held, passes):
        optimizer = make_optimizer(whole, config.optimizer, held)
        passes.accumulate_gradients(stream.at(0))
        norms = Norms(held.tensors, sum_over_ranks(held, list(trained_by_name(whole))))
        total = float(held.norm([tensor.grad for tensor in held.trained if tensor.grad is not None]))
        found = norms.before_step(total)
        for group in optimizer.param_groups:
            group["lr"] = group["highest_lr"]
        optimizer.step()
        return {**found, **norms.after_step(), "total": total, "sees": passes.whole_model is not None}
