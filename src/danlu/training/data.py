"""The rows a training stage reads: batches, how many steps the budget buys, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.training.batches import BatchStream
from danlu.training.config import TrainConfig
from danlu.training.held_out import HeldOut
from danlu.training.rows import ContiguousRows, PackedRows, Rows


def open_store(config: TrainConfig, directory: Path, split: str) -> TokenStore:
    """The token ids of a split, with those supervised that the objective asks for."""
    store = TokenStore.open(directory, split)
    if config.objective == "language_model":
        return replace(store, supervised=None)
    if store.supervised is None:
        raise UserError(
            "objective: 'sft' learns the assistant's turns of conversations, and a corpus has none.",
            "Set 'objective: language_model' to learn every token.",
        )
    return store


def open_training_store(config: TrainConfig, directory: Path) -> TokenStore:
    """The token ids that are trained on.

    Raises:
        UserError: there is nothing to train on.
    """
    store = open_store(config, directory, "train")
    if store.num_supervised == 0:
        raise UserError(
            f"The train split has {store.num_tokens} tokens of which {store.num_supervised} are supervised.",
            "Training would learn nothing: give more data, a longer `length`, or a smaller validation and test share.",
        )
    return store


def make_rows(config: TrainConfig, store: TokenStore, length: int) -> Rows:
    """The endless sequence of rows.

    Args:
        config: Says how.
        store: What to read.
        length: Of rows that are cut, in tokens.
    """
    if store.row_offsets is not None:
        return PackedRows(store, config.seed)
    return ContiguousRows(store, length, config.seed, isolate_documents=config.isolate_documents)


def make_batches(config: TrainConfig, rows: Rows) -> BatchStream:
    return BatchStream(
        rows,
        rows_per_batch=config.batch.rows,
        rows_at_once=min(config.batch.rows_at_once, config.batch.rows),
        device=default_device(),
    )


def make_held_out(config: TrainConfig, directory: Path, length: int) -> HeldOut:
    """The validation rows, `rows_at_once` at a time; empty where there are none."""
    store = open_store(config, directory, "validation")
    sources = [make_rows(config, store, min(length, store.num_tokens))] if store.num_tokens else []
    return HeldOut(sources, config.batch.rows_at_once, default_device())


def data_notes(
    store: TokenStore, facts: Mapping[str, Any], batches: BatchStream, num_steps: int, num_tokens: int
) -> list[str]:
    """What happens to the data, one line each."""
    supervised = store.num_supervised / store.num_tokens
    epochs = num_steps * batches.rows_per_batch / batches.rows.num_rows
    notes = [
        f"{num_steps} steps of {batches.rows_per_batch} rows: {num_tokens:,} tokens,"
        f" {epochs:.2f} passes over {batches.rows.num_rows:,} rows ({store.num_documents:,} documents)",
        f"{supervised:.0%} of the tokens are supervised",
    ]
    if "end_of_turn_trained" in facts:
        notes[-1] += f"; end of turn trained: {'yes' if facts['end_of_turn_trained'] else 'NO'}"
        notes.append(
            f"while tokenising, {facts.get('num_dropped', 0)} examples were dropped"
            f" and {facts.get('num_truncated', 0)} truncated"
        )
    return notes
