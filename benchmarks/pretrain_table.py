"""The way from a plain loop to the speed of bench_pretrain, one thing more in each row.

The first row is a transformers model in float32 with torch's attention, all logits at once, AdamW. Every row is trained
by the same class (`danlu.training.passes.Passes`) in a process of its own, on the same rows; rows of the table take
turns. The last row is what ``danlu run`` does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from benchmarks.common import shared_cache_environment
from benchmarks.pretrain_job import LENGTH, ROWS_PER_STEP, Job, learning_rate
from benchmarks.turns import Program, Turns, median_turn_ratio, read_times, take_turns
from danlu.hardware.threads import workers_of_one_thread
from danlu.models.block_attention import BLOCK_ATTENTION, register_block_attention
from danlu.models.compiling import compile_layers
from danlu.models.head import Head, hidden_states, linear_cross_entropy
from danlu.models.load import load_causal_lm
from danlu.telemetry.allocator import ask_for_huge_pages, freed_memory_kept
from danlu.training.batches import Batch, MicroBatch, micro_batch
from danlu.training.gradients import finish_gradients
from danlu.training.objectives.next_token import supervised_cross_entropy
from danlu.training.optimizer import make_optimizer
from danlu.training.optimizers.settings import AdamWSettings
from danlu.training.passes import Passes
from danlu.training.rows.row import Row, all_but_first
from danlu.training.settings import RegularisationSettings

WARMUP_STEPS = 3


def all_logits(model: Any, batch: MicroBatch) -> torch.Tensor:
    """Sum of the losses, from the logits of all tokens."""
    tokens = batch.input_ids.view(-1, LENGTH)
    logits = model(tokens, use_cache=False).logits[:, :-1].float()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="sum")


def chunked_logits(model: Any, batch: MicroBatch, *, is_compiled: bool) -> torch.Tensor:
    """The same, from the logits of some tokens at a time."""
    tokens = batch.input_ids.view(-1, LENGTH)
    hidden = hidden_states(model, input_ids=tokens)[:, :-1].flatten(0, 1)
    return linear_cross_entropy(hidden, Head.of(model), tokens[:, 1:].flatten(), is_compiled=is_compiled)


@dataclass(frozen=True)
class Way:
    """One row of the table."""

    dtype: torch.dtype | None
    objective: Callable[[Any, MicroBatch], torch.Tensor]
    side_by_side: bool = False
    """Two micro-batches at once, each on one core, instead of all rows at once on both."""
    is_compiled: bool = False
    attention: str = "sdpa"
    keeps_memory: bool = False
    """Freed memory is used again instead of handed back, and lies in huge pages."""


WAYS = {
    "float32, torch's attention, all logits": Way(None, all_logits),
    "+ passes in bf16": Way(torch.bfloat16, all_logits),
    "+ loss in chunks": Way(torch.bfloat16, partial(chunked_logits, is_compiled=False)),
    "+ micro-batches side by side": Way(torch.bfloat16, partial(chunked_logits, is_compiled=False), True),
    "+ layers and loss compiled": Way(torch.bfloat16, partial(chunked_logits, is_compiled=True), True, True),
    "+ attention in blocks": Way(torch.bfloat16, supervised_cross_entropy, True, True, BLOCK_ATTENTION),
    "+ freed memory kept": Way(torch.bfloat16, supervised_cross_entropy, True, True, BLOCK_ATTENTION, True),
}


def measure_table(job: Job, directory: Path, turns: Turns) -> list[dict[str, Any]]:
    """Steps per second of every way, turn by turn, and how many times as fast as the row before each is.

    Args:
        directory: Made, for what the programs write.
    """
    directory.mkdir()
    times = {name: directory / f"times-{number}" for number, name in enumerate(WAYS)}
    programs = {name: _program(job, name, times[name]) for name in WAYS}
    rates = take_turns(programs, directory, turns, lambda name: read_times(times[name]), WARMUP_STEPS)
    before = [next(iter(WAYS)), *WAYS]
    return [
        {
            "row": name,
            "step_seconds": round(1 / statistics.median(rates[name].values()), 2),
            "times_as_fast": round(median_turn_ratio(rates[name], rates[previous]), 2),
            "steps_per_second": rates[name],
        }
        for name, previous in zip(WAYS, before, strict=False)
    ]


def _program(job: Job, name: str, times: Path) -> Program:
    command = [sys.executable, "-m", "benchmarks.pretrain_table", "--way", name, "--times", str(times)]
    command += ["--model", str(job.model), "--rows", str(job.rows[LENGTH])]
    return Program(command, shared_cache_environment())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--times", type=Path, required=True)
    options = parser.parse_args()
    with options.times.open("w", buffering=1, encoding="utf-8") as times:
        train(WAYS[options.way], options.model, np.load(options.rows), times)


def train(way: Way, directory: Path, rows: np.ndarray[Any, np.dtype[np.int64]], times: TextIO) -> None:
    """Step after step, as many as there are rows for; the time at which each has ended goes into a file."""
    if way.keeps_memory:
        ask_for_huge_pages()
    register_block_attention()
    model = load_causal_lm(directory, dtype=torch.float32, attention=way.attention)
    optimizer = make_optimizer(model, AdamWSettings(learning_rate=learning_rate()))
    preparations = [compile_layers] if way.is_compiled else []
    with (
        freed_memory_kept() if way.keeps_memory else nullcontext(),
        workers_of_one_thread() if way.side_by_side else nullcontext() as pool,
    ):
        passes = Passes(model, way.objective, dtype=way.dtype, preparations=preparations, pool=pool)
        model.train()
        for first in range(0, len(rows) - ROWS_PER_STEP + 1, ROWS_PER_STEP):
            passes.accumulate_gradients(batch_of(rows[first : first + ROWS_PER_STEP], 2 if way.side_by_side else 1))
            finish_gradients(passes.trained, max_norm=1.0, max_value=None, regularisation=RegularisationSettings())
            optimizer.step()
            optimizer.zero_grad()
            times.write(f"{time.time()}\n")


def batch_of(rows: np.ndarray[Any, np.dtype[np.int64]], num_micro_batches: int) -> Batch:
    lengths = np.array([LENGTH])
    parts = np.split(rows, num_micro_batches)
    micro_batches = [micro_batch([Row(row, all_but_first(lengths), lengths) for row in part]) for part in parts]
    return Batch(
        step=0,
        micro_batches=micro_batches,
        num_targets=sum(micro.num_targets for micro in micro_batches),
        num_tokens=rows.size,
    )


if __name__ == "__main__":
    main()
