"""The rows a training stage reads: batches, how many steps the budget buys, and what is to be said about them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.tokens import PackedRows
from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.training.batches import BatchStream, MicroBatch, micro_batch
from danlu.training.config import TrainConfig


def read_rows(directory: Path, split: str) -> PackedRows:
    """The rows of a split that is trained on.

    Raises:
        UserError: there is nothing to train on.
    """
    rows = PackedRows.read(directory, split)
    if rows.num_rows == 0 or rows.num_supervised == 0:
        raise UserError(
            f"The {split} split has {rows.num_rows} rows with {rows.num_supervised} supervised tokens.",
            "Training would learn nothing: give more data, a longer `length`, or a smaller validation and test share.",
        )
    return rows


def make_batches(config: TrainConfig, rows: PackedRows) -> BatchStream:
    return BatchStream(
        rows,
        rows_per_batch=config.batch.rows,
        rows_at_once=min(config.batch.rows_at_once, config.batch.rows),
        seed=config.seed,
        device=default_device(),
    )


def steps_of(config: TrainConfig, batches: BatchStream) -> int:
    """How many optimizer steps the budget buys."""
    if config.budget.steps is not None:
        return config.budget.steps
    if config.budget.epochs is not None:
        return math.ceil(config.budget.epochs * batches.rows.num_rows / batches.rows_per_batch)
    assert config.budget.tokens is not None
    return batches.num_steps_for_tokens(config.budget.tokens)


def tokens_of(batches: BatchStream, num_steps: int) -> int:
    """Real tokens that the first `num_steps` steps read."""
    row_tokens = np.diff(batches.rows.row_offsets)
    return sum(int(row_tokens[batches.row_indices(step)].sum()) for step in range(num_steps))


def validation_micro_batches(config: TrainConfig, directory: Path) -> list[MicroBatch]:
    """The validation rows in order, `rows_at_once` at a time; empty where there are none."""
    rows = PackedRows.read(directory, "validation")
    places = np.arange(rows.num_rows)
    starts = range(0, rows.num_rows, config.batch.rows_at_once)
    return [micro_batch(rows, places[start : start + config.batch.rows_at_once], default_device()) for start in starts]


def data_notes(
    rows: PackedRows, facts: Mapping[str, Any], batches: BatchStream, num_steps: int, num_tokens: int
) -> list[str]:
    """What happens to the data, one line each."""
    supervised = rows.num_supervised / rows.num_tokens
    epochs = num_steps * batches.rows_per_batch / rows.num_rows
    return [
        f"{num_steps} steps of {batches.rows_per_batch} rows: {num_tokens:,} tokens,"
        f" {epochs:.2f} passes over {rows.num_rows:,} rows ({rows.num_documents:,} examples)",
        f"{supervised:.0%} of the tokens are supervised;"
        f" end of turn trained: {'yes' if facts.get('end_of_turn_trained') else 'NO'}",
        f"while tokenising, {facts.get('num_dropped', 0)} examples were dropped"
        f" and {facts.get('num_truncated', 0)} truncated",
    ]
