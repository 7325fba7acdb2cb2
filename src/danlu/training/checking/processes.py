"""One process, and as many as the settings ask for, started as a run starts them; two where they ask for none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.telemetry.metrics import read_steps
from danlu.training.checking.difference import Trial
from danlu.training.checking.on_disk import context_on_disk
from danlu.training.checking.subject import Subject
from danlu.training.config import TrainConfig
from danlu.training.fitting import fitted
from danlu.training.optimizer import trained_parameters
from danlu.training.parallel.checks import check_layout
from danlu.training.parallel.settings import ParallelSettings
from danlu.training.settings import BatchSettings
from danlu.training.world import World

MOST_PROCESSES = 4
"""More would take long to start; then two are."""


def why_not(subject: Subject) -> str | None:
    if subject.original.apart:
        return "copies that train apart come to something else than one, and are meant to"
    if subject.num_rows == 1:
        return "batch.rows is 1, so there is nothing to share"
    try:
        check_layout(_config(subject, layout_of(subject)), {**subject.data.model_config, **subject.layers})
    except UserError as error:
        return error.what.removesuffix(".")
    return None


def layout_of(subject: Subject) -> ParallelSettings:
    """That of the stage, if it has one of few processes."""
    layout = subject.original.parallel
    return layout if 1 < layout.num_processes <= MOST_PROCESSES else ParallelSettings(data=2)


def pair(subject: Subject) -> tuple[Trial, Trial]:
    with TemporaryDirectory(dir=subject.scratch) as directory:
        several = context_on_disk(subject, Path(directory))
        one = replace(several, directory=Path(directory) / "one")
        layout = layout_of(subject)
        subject.task.advance(0, note=f"{layout.num_processes} processes")
        _, model = subject.ways.fit(_config(subject, layout), several)
        together = _trial(several, model)
        subject.task.advance(0, note="1 process")
        with fitted(_config(subject, ParallelSettings()), one, World()) as done:
            return together, _trial(one, done.model)


def _config(subject: Subject, layout: ParallelSettings) -> TrainConfig:
    batch = BatchSettings(rows=subject.num_rows)
    return subject.config.model_copy(update={"parallel": layout, "batch": batch})


def _trial(context: StageContext, model: Any) -> Trial:
    """What a stage wrote down along the way, and its weights; of gradients it writes the norms."""
    records = read_steps(context.directory / "metrics.jsonl")
    norms = torch.tensor([record["train/gradient_norm"] for record in records], dtype=torch.float64)
    weights = torch.cat([parameter.detach().flatten().cpu() for parameter in trained_parameters(model)])
    return Trial([record["train/loss"] for record in records], norms[:1], norms[-1:], weights)
