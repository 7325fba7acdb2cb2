"""A training stage on several processes of this machine: started, watched, started again from the last checkpoint."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import torch

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.hardware.machine import num_usable_cores
from danlu.training.checkpoint_pieces import Pieces
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.optimizers.groups import trained_by_name
from danlu.training.parallel.crew import Crew, Fault, Forge
from danlu.training.parallel.job import FINAL, Job
from danlu.training.parallel.notes import read_beats, read_json
from danlu.training.parallel.relay import Relay
from danlu.training.parallel.settings import DIMENSIONS
from danlu.training.setup import load_trainable

POLL_SECONDS = 0.05
MOST_FRUITLESS = 3
"""Attempts in a row that get no further than one before."""
STOP_SECONDS = 600.0
"""For ranks to finish a step and save it, when they are asked to stop."""


def fit_on_ranks(config: TrainConfig, context: StageContext) -> tuple[dict[str, Any], Any]:
    """Train on as many processes as the settings say.

    Returns:
        Facts of the training, and the whole model with its final weights.

    Raises:
        UserError: a rank found something that the user can mend, or ranks fail again and again.
        Stopped: by a signal; everything up to then is saved.
    """
    job, path = prepared(config, context)
    size = config.parallel.num_processes
    with (
        Forge(path, size, max(1, num_usable_cores() // size)) as forge,
        Relay(job.folder / "said.jsonl", context.reporter) as relay,
        context.stop.put_off(),
    ):
        _until_done(forge, context, relay)
    return put_together(config, context, job.folder)


def prepared(config: TrainConfig, context: StageContext) -> tuple[Job, Path]:
    """The job and its file, in a folder without notes of an earlier run."""
    job = Job.of(config, context)
    shutil.rmtree(job.folder, ignore_errors=True)
    size, layout = config.parallel.num_processes, config.parallel.describe()
    context.reporter.say(f"{size} processes: {layout}." if size > 1 else f"{layout.capitalize()}.")
    return job, job.write()


def put_together(config: TrainConfig, context: StageContext, folder: Path) -> tuple[dict[str, Any], Any]:
    """Facts of the training, and the whole model, of what the ranks have left in their folder."""
    facts: dict[str, Any] = read_json(folder / "done.json")
    layout = config.parallel.model_dump(include={*DIMENSIONS, "offload"}, exclude_defaults=True)
    data = TrainingData.open(config, context)
    model = load_trainable(context.input("model").path, config, None, data.model_changes, device="cpu")
    pieces = Pieces(folder / FINAL)
    with torch.no_grad():
        for name, parameter in trained_by_name(model).items():
            parameter.copy_(pieces.read(name))
    shutil.rmtree(folder / FINAL)
    return {**facts, "parallel": layout}, model


def _until_done(forge: Forge, context: StageContext, relay: Relay) -> None:
    furthest, fruitless, attempt = -1, 0, 0
    while True:
        crew = Crew(forge, attempt)
        try:
            fault = _watched(crew, context, relay)
        finally:
            crew.end()
        relay.poll()
        if fault is None:
            return
        reached = max((beat.step for beat in read_beats(forge.folder, attempt).values()), default=0)
        fruitless = 0 if reached > furthest else fruitless + 1
        furthest = max(furthest, reached)
        context.reporter.event("rank_fault", rank=fault.rank, attempt=attempt, what=fault.what, stack=fault.stack)
        if fruitless >= MOST_FRUITLESS:
            raise UserError(
                f"The ranks failed {attempt + 1} times, {fruitless} of these without getting further: {fault.what}.",
                f"What it said is in {forge.folder / f'rank-{fault.rank}.log'}; what is saved is kept.",
            )
        context.reporter.warn(f"{fault.what}; all ranks start again from the last checkpoint.")
        attempt += 1


def _watched(crew: Crew, context: StageContext, relay: Relay) -> Fault | None:
    """Until all ranks are done, which gives None, or something is wrong with one."""
    told_to_stop: float | None = None
    while True:
        relay.poll()
        if problem := read_json(crew.folder / "problem.json"):
            raise UserError(problem["what"], problem["hint"])
        if crew.are_done():
            if stopped := read_json(crew.folder / "stopped.json"):
                context.stop.now(stopped["how_far"])
            return None
        if context.stop.requested and told_to_stop is None:
            told_to_stop = time.monotonic()
            crew.ask_to_stop()
        if fault := crew.fault():
            if told_to_stop is not None:
                context.stop.now(f"{fault.what}; what was saved before is kept")
            return fault
        if told_to_stop is not None and time.monotonic() - told_to_stop > STOP_SECONDS:
            context.stop.now("the ranks did not come to an end; what was saved before is kept")
        time.sleep(POLL_SECONDS)
