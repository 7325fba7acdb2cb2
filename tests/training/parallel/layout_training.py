"""A few steps of a tiny model, on one process or on ranks in any layout."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.training.batches import BatchStream
from danlu.training.config import TrainConfig
from danlu.training.gradients import finish_gradients
from danlu.training.held import hold
from danlu.training.optimizer import make_optimizer
from danlu.training.parallel.taking_apart import take_apart
from danlu.training.rows.packed import PackedRows
from danlu.training.setup import make_passes, make_trainable
from danlu.training.world import World
from packed_rows import make_store

LENGTHS = [[20, 13], [40], [11, 7, 9], [33], [25, 25], [17, 30], [50], [5, 6, 7]]
"""Of the documents in each row, in tokens."""


def tiny_model(kind: str = "llama", **changes: Any) -> Any:
    """A random causal model with document attention: 4 layers, 4 heads on 2 key-value heads."""
    from transformers import AutoConfig, AutoModelForCausalLM

    register_document_attention()
    sizes = {
        "vocab_size": 401,
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 12,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "pad_token_id": 3,
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**sizes, **changes})
    model = AutoModelForCausalLM.from_config(config, attn_implementation=DOCUMENT_ATTENTION, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():  # also biases and norms, which begin alike
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model


def train_in_layout(
    rank: int,
    size: int,
    *,
    layout: dict[str, Any],
    steps: int = 3,
    kind: str = "llama",
    changes: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    rows: int = 4,
) -> dict[str, Any]:
    """Losses and gradient norms of some steps, and the validation loss after them."""
    config = TrainConfig.model_validate(
        {
            "do": "train",
            "model": "m",
            "data": "d",
            "budget": {"steps": steps},
            "precision": "fp32",
            "parallel": layout,
            **(settings or {}),
        }
    )
    world = World(config.parallel)
    model = make_trainable(tiny_model(kind, **(changes or {})), config)
    whole = make_trainable(tiny_model(kind, **(changes or {})), config)
    stream = BatchStream(
        PackedRows(make_store(LENGTHS, vocabulary=401), seed=0), rows_per_batch=rows, rows_at_once=1, seed=config.seed
    )
    alone = nullcontext((hold(model), make_passes(model, config, None)))
    losses, norms = [], []
    with take_apart(model, config, world) if size > 1 else alone as (held, passes):
        optimizer = make_optimizer(whole, config.optimizer, held)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = group["highest_lr"]
            losses.append(passes.accumulate_gradients(stream.at(step)))
            norms.append(
                finish_gradients(
                    held.trained,
                    max_norm=1.0,
                    max_value=None,
                    regularisation=config.regularisation,
                    norm_of=held.norm,
                )
            )
            optimizer.step()
            optimizer.zero_grad()
        validation = passes.mean_loss(stream.at(99).micro_batches)
    return {"losses": losses, "norms": norms, "validation": validation}


def save_and_restore(rank: int, size: int, *, directory: str, layouts: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Train three steps in each layout, save, restore in each other, save again, go on; what came back and how."""
    from pathlib import Path

    from danlu.telemetry.reporter import Reporter
    from danlu.training.checkpoint import Checkpoints
    from danlu.training.settings import CheckpointSettings

    root, changes = Path(directory), {"tie_word_embeddings": True}
    stream = BatchStream(PackedRows(make_store(LENGTHS, vocabulary=401), seed=0), rows_per_batch=4, rows_at_once=1)
    whole = tiny_model(**changes)
    found: dict[str, list[Any]] = {}

    def checkpoints(folder: Path, world: World) -> Checkpoints:
        return Checkpoints(
            folder, root / "kept", CheckpointSettings(), fingerprint="", reporter=Reporter(), world=world
        )

    def steps(held: Any, passes: Any, optimizer: Any, numbers: range) -> list[float]:
        losses = []
        for step in numbers:
            losses.append(passes.accumulate_gradients(stream.at(step)))
            optimizer.step()
            optimizer.zero_grad()
        return losses

    def started(layout: dict[str, Any]) -> Any:
        config = TrainConfig.model_validate(
            {
                "do": "train",
                "model": "m",
                "data": "d",
                "budget": {"steps": 9},
                "precision": "fp32",
                "parallel": layout,
                "optimizer": {"kind": "adamw", "learning_rate": 3e-3},
            }
        )
        world = World(config.parallel)
        return config, world, take_apart(tiny_model(**changes), config, world)

    for one, layout in enumerate(layouts):
        config, world, taken = started(layout)
        with taken as (held, passes):
            optimizer = make_optimizer(whole, config.optimizer, held)
            steps(held, passes, optimizer, range(3))
            with checkpoints(root / f"{one}", world) as keeper:
                keeper.save(3, held, optimizer)
            found[f"{one}"] = steps(held, passes, optimizer, range(3, 6))
        world.sum_numbers([0.0])
        for other, target in enumerate(layouts):
            config, world, taken = started(target)
            with taken as (held, passes):
                optimizer = make_optimizer(whole, config.optimizer, held)
                with checkpoints(root / f"{one}", world) as keeper:
                    assert keeper.restore(held, optimizer) == 3
                with checkpoints(root / f"{one}-{other}", world) as keeper:
                    keeper.save(3, held, optimizer)
                found[f"{one}-{other}"] = steps(held, passes, optimizer, range(3, 6))
            world.sum_numbers([0.0])
    return found


def train_in_layouts(rank: int, size: int, *, trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One after the other, each with the arguments of `train_in_layout`."""
    return [train_in_layout(rank, size, **trial) for trial in trials]
