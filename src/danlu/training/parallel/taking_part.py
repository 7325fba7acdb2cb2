"""What a rank does from its first word to others to its last."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import Store

from danlu.artifacts.stage import StageContext
from danlu.training.checkpoint_files import write_checkpoint
from danlu.training.fitting import fitted
from danlu.training.held import Held
from danlu.training.parallel.job import FINAL, Job
from danlu.training.parallel.notes import Heart, replace_json
from danlu.training.snapshot import Snapshot
from danlu.training.world import World

TIMEOUT = timedelta(minutes=30)
"""Of a collective. Those who watch the ranks see much sooner that one is missing."""


def take_part(job: Job, context: StageContext, heart: Heart, store: Store, size: int) -> None:
    """Train together with the other ranks, and write what this one holds in the end.

    Args:
        job: The same for all.
        context: Of the stage, with this rank's reporter.
        heart: Says how it goes.
        store: Where ranks find each other.
        size: How many there are.
    """
    rank = heart.beat.rank
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=TIMEOUT)
    world = World(job.config.parallel)
    with fitted(job.config, context, world, heart) as done:
        write_final(job.folder / FINAL, done.held, world)
    world.sum_numbers([0.0])  # all are done
    if rank == 0:
        replace_json(job.folder / "done.json", done.facts)
    dist.destroy_process_group()


def write_final(target: Path, held: Held, world: World) -> None:
    """What all ranks hold, so that it can be put together again."""
    mine = {name: held.tensors[name] for name, piece in held.pieces.items() if held.is_writer_of(piece)}
    offsets = {name: held.pieces[name].offsets for name in mine}
    files = Snapshot().take({f"weights-{world.rank}.safetensors": mine}, offsets)
    write_checkpoint(target, files, world.rank, world.size)
