"""What a job file is asked to say, whatever the scheduler."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from danlu.errors import UserError
from danlu.pipeline.part import trainings_of
from danlu.pipeline.recipe import Recipe
from danlu.pipeline.record import read_json
from danlu.settings import Workspace
from danlu.training.config import TrainConfig
from danlu.training.parallel.settings import BATCH_DIMENSIONS

SPARE_MEMORY = 1.25
"""A job is killed for the first byte too many, so it asks for this many times what the plan foretells."""
BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B?)", re.IGNORECASE)
TIME = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)")


@dataclass(frozen=True)
class JobRequest:
    """One job: a recipe on some machines."""

    recipe: Recipe
    workspace: Path
    """Absolute, on storage that all nodes see."""
    name: str
    num_nodes: int = 1
    processes_per_node: int = 1
    gpus_per_node: int = 0
    cpus_per_process: int = 1
    memory_bytes: int | None = None
    """Of a node. None: the scheduler's own default."""
    seconds: int | None = None
    """After which the scheduler ends the job. None: its own default."""
    max_restarts: int = 3
    """How often torchrun starts the processes again after one of them has failed."""
    overrides: list[str] = field(default_factory=list)
    """``PATH=VALUE``, as for `danlu run`."""

    @property
    def cpus_per_node(self) -> int:
        return self.processes_per_node * self.cpus_per_process

    @property
    def num_processes(self) -> int:
        return self.num_nodes * self.processes_per_node


def in_words(request: JobRequest) -> str:
    """What runs where."""
    nodes = "1 node" if request.num_nodes == 1 else f"{request.num_nodes} nodes"
    processes = "1 process" if request.processes_per_node == 1 else f"{request.processes_per_node} processes"
    return f"The recipe {request.recipe.name} on {nodes} with {processes} on each"


def parse_memory(text: str) -> int:
    """``64GiB``, ``64G`` or ``500M``, in bytes."""
    match = MEMORY.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise UserError(f"--memory {text!r} is no amount of memory.", "For example: --memory 64GiB")
    return int(float(match[1]) * BYTES[match[2].upper()])


def parse_time(text: str) -> int:
    """``12:00:00`` or ``2-12:00:00``, in seconds."""
    match = TIME.fullmatch(text.strip())
    seconds = 0
    if match:
        days, hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = ((24 * days + hours) * 60 + minutes) * 60 + rest
    if seconds == 0:
        raise UserError(
            f"--time {text!r} is no length of time.", "Hours, minutes and seconds, for example --time 12:00:00"
        )
    return seconds


def foretold_memory(recipe: Recipe, workspace: Workspace, processes_per_node: int) -> int | None:
    """What a node needs by the plan that `danlu plan` or `danlu run` left in the workspace; None if there is none.

    The plan of a train stage is for all the processes that the recipe asks for, so it is what one of them needs times
    their number on a node; other stages are run by the first process alone.
    """
    plan = read_json(workspace.runs / recipe.name / "plan.json")
    most = 0.0
    for name, stage in (plan or {"stages": {}})["stages"].items():
        if stage.get("predicted") and name in recipe.stages:
            config, num_bytes = recipe.stages[name].config, stage["predicted"]["peak_memory_bytes"]
            if isinstance(config, TrainConfig):
                num_bytes *= processes_per_node / config.parallel.num_processes
            most = max(most, num_bytes)
    return int(SPARE_MEMORY * most) or None


def check_layouts(request: JobRequest) -> None:
    """See that every train stage can be divided over the processes, and has work for all of them.

    Raises:
        UserError: there is no train stage, or one cannot.
    """
    for name in trainings_of(request.recipe, None):
        config = request.recipe.stages[name].config
        assert isinstance(config, TrainConfig)
        layout, num_processes = config.parallel, request.num_processes
        others = layout.num_processes // layout.data
        if num_processes % others:
            raise UserError(
                f"{num_processes} processes cannot be divided by {others}, over which {name} divides its model"
                f" ({layout.describe()}).",
                f"Ask for a multiple of {others} in all, or change {name}.parallel.",
            )
        if num_processes > 1 and config.budget.minutes is not None:
            raise UserError(
                f"{name}.budget.minutes is for one process, and the job has {num_processes}.",
                "Give the budget in tokens, steps or epochs, for example with --set.",
            )
        if config.apart and num_processes != config.parallel.num_processes:
            raise UserError(
                f"{name} trains {config.apart.copies} copies apart, and the job has {num_processes} processes.",
                f"Ask for {config.parallel.num_processes} processes in all, or change {name}.apart.copies.",
            )
        if layout.auto:
            continue  # chosen when the processes are there
        within = math.prod(size for dimension, size in layout.sizes.items() if dimension not in BATCH_DIMENSIONS)
        num_shares, batch = num_processes // within, config.batch
        num_passes = -(-batch.rows // batch.rows_at_once)
        if num_shares > num_passes:
            raise UserError(
                f"{name} has {num_passes} passes in a step ({batch.rows} rows, {batch.rows_at_once} at once), and"
                f" {num_shares} processes would share them.",
                f"Ask for fewer processes, or raise {name}.batch.rows.",
            )
