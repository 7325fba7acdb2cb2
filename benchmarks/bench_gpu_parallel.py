"""Layouts on one NVIDIA GPU: what FSDP2's wrapper costs, what its CPU offload costs and saves, and a LoRA of 7B shape.

Each training is a process of its own, on random weights and random tokens, and takes turns with the others:

- ``whole``: every weight of a model, as `danlu.training.passes.Passes` trains it on one GPU.
- ``wrapped``: the same by FSDP2 on a mesh of one. What the wrapper itself costs, is the ratio of the two.
- ``offloaded``: as ``parallel: {offload: true}``.
- ``lora``: an adapter on frozen weights in bf16, of the size of a 7B model; and what ``danlu plan`` foretells of its
  GPU memory beside what it takes.

Steps in which kernels are chosen and memory is taken do not count. ``--without-gpu`` tries the script itself with tiny
models on the CPU and reports nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore

from benchmarks.common import REPOSITORY, interleave, median_ratio, report, usual_environment
from danlu.hardware.machine import default_device
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.training.batches import Batch, micro_batch
from danlu.training.config import TrainConfig
from danlu.training.cost import training_cost
from danlu.training.gradients import finisher
from danlu.training.held import Held, hold
from danlu.training.optimizer import make_optimizer, trained_parameters
from danlu.training.parallel.settings import ParallelSettings
from danlu.training.parallel.sharded import ShardedPasses, WholeModel, layers_of, pass_dtype, shard
from danlu.training.passes import Passes
from danlu.training.rows.row import Row
from danlu.training.setup import make_passes, objective_for, shallow_trainable, weightless_trainable
from danlu.training.world import World

SHAPES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
    "1B": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 20, "num_attention_heads": 16},
    "7B": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
}
"""Of Llamas with a vocabulary of 32,000; the last is Llama 2 7B's."""
WAYS = ("whole", "wrapped", "offloaded")
VOCABULARY = 32_000
WARMUP_STEPS = 3
BAR_WRAPPER = 1.03
BAR_PLAN = 0.10


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15, help="of each training")
    parser.add_argument("--length", type=int, default=2048, help="of a row, in tokens")
    parser.add_argument("--rows", type=int, default=4, help="of a step, two at once")
    parser.add_argument("--without-gpu", action="store_true", help="try this script itself; nothing is reported")
    parser.add_argument("--way", choices=(*WAYS, "lora"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (torch.cuda.is_available() or options.without_gpu):
        sys.exit("bench-gpu-parallel needs an NVIDIA GPU; torch finds none here.")
    if options.way:
        print(json.dumps(train(options)))
        return
    measured: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}

    def turn(way: str) -> Callable[[int], float]:
        def run(number: int) -> float:
            measured[way].append(in_own_process(way))
            return float(measured[way][-1]["tokens_per_second"])

        return run

    figures = interleave(options.rounds, {way: turn(way) for way in WAYS})
    lora = in_own_process("lora")
    print(f"tokens per second: {figures}; lora: {lora}", flush=True)
    if not torch.cuda.is_available():
        return
    memory = {way: statistics.median(run["gpu_bytes"] for run in runs) for way, runs in measured.items()}
    device = torch.cuda.get_device_name()
    details: dict[str, Any] = {"device": device, "tokens_per_second": figures, "gpu_bytes": memory}
    offload_slower = round(median_ratio(figures["whole"], figures["offloaded"]), 3)
    off = abs(lora["foretold_bytes"] / lora["gpu_bytes"] - 1)
    met = [
        report(
            "gpu_fsdp2_wrapper_slowdown",
            round(median_ratio(figures["whole"], figures["wrapped"]), 4),
            BAR_WRAPPER,
            smaller_is_better=True,
            **details,
            offload_slowdown=offload_slower,
        ),
        report(
            "gpu_lora_7b_plan_off_by",
            round(off, 4),
            BAR_PLAN,
            smaller_is_better=True,
            device=device,
            **lora,
        ),
    ]
    sys.exit(not all(met))


def in_own_process(way: str) -> dict[str, Any]:
    """What a training says; the memory it took is free again."""
    command = [sys.executable, "-m", "benchmarks.bench_gpu_parallel", *sys.argv[1:], "--way", way]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=usual_environment())
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {finished.returncode}:\n{finished.stderr}")
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return found


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Some steps in one of the ways: tokens per second, what the GPU held, and for an adapter what was foretold."""
    register_document_attention()
    lora = options.way == "lora"
    config = settings(lora=lora)
    shape = SHAPES["tiny" if options.without_gpu else "7B" if lora else "1B"]
    model_config = {
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "max_position_embeddings": options.length,
        "num_key_value_heads": shape["num_attention_heads"],
        "tie_word_embeddings": False,
        **shape,
    }
    batches = [random_batch(step, options) for step in range(options.steps)]
    found: dict[str, Any] = {}
    if lora:
        found["foretold_bytes"] = foretold(config, model_config, batches[0])
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    model = shallow_trainable(model_config, config, DOCUMENT_ATTENTION, shape["num_hidden_layers"])
    with laid_out(model, config, options.way) as (held, passes):
        optimizer, finish = make_optimizer(model, config.optimizer, held), finisher(config, held.norm)
        ended = []
        for batch in batches:
            loss = passes.accumulate_gradients(batch)
            finish(held.trained)
            optimizer.step()
            optimizer.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ended.append(time.perf_counter())
    assert np.isfinite(loss)
    counted = ended[WARMUP_STEPS - 1 :]
    found["tokens_per_second"] = (len(counted) - 1) * batches[0].num_tokens / (counted[-1] - counted[0])
    found["gpu_bytes"] = torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0
    return found


def settings(*, lora: bool) -> TrainConfig:
    content = {
        "do": "train",
        "objective": "language_model",
        "model": "blank",
        "data": "words",
        "budget": {"steps": 1},
        "precision": "bf16",
        "compile": False,
        "adapter": {"rank": 16} if lora else None,
    }
    return TrainConfig.model_validate(content)


def random_batch(step: int, options: argparse.Namespace) -> Batch:
    """Rows of one document each, two in a micro-batch."""
    random = np.random.default_rng(step)
    all_rows = [
        Row(
            input_ids=random.integers(0, VOCABULARY, options.length),
            supervised=np.arange(options.length) > 0,
            document_lengths=np.array([options.length]),
        )
        for _ in range(options.rows)
    ]
    micro_batches = [micro_batch(all_rows[first : first + 2], default_device()) for first in range(0, len(all_rows), 2)]
    num_targets = sum(micro.num_targets for micro in micro_batches)
    return Batch(step, micro_batches, num_targets, sum(micro.num_tokens for micro in micro_batches))


def foretold(config: TrainConfig, model_config: dict[str, Any], first: Batch) -> int:
    """Bytes of the GPU, as ``danlu plan`` says it."""
    whole = weightless_trainable(model_config, config)
    num_trained = sum(parameter.numel() for parameter in trained_parameters(whole))
    num_parameters = sum(parameter.numel() for parameter in whole.parameters()) - num_trained
    return training_cost(config, model_config, num_parameters, first, DOCUMENT_ATTENTION, num_trained).gpu_bytes


@contextmanager
def laid_out(model: Any, config: TrainConfig, way: str) -> Iterator[tuple[Held, Passes | ShardedPasses]]:
    """What is held of the model, and the passes over it."""
    if way not in ("wrapped", "offloaded"):
        yield hold(model), make_passes(model, config, None)
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    world = World(ParallelSettings(offload=True))  # held is what FSDP2 leaves in either way
    assert world.mesh is not None
    offload = way == "offloaded"
    whole = WholeModel(model, objective_for(config))
    shard(whole, layers_of(model), world.mesh["shard"], pass_dtype(config, model), offload=offload)
    held = hold(model, world)
    yield held, ShardedPasses(whole, trained_parameters(model), held.trained, offload=offload)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
