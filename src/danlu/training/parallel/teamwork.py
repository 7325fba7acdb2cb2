"""A training stage on a team: the leader posts it, and all take part."""

from __future__ import annotations

from typing import Any

from danlu.artifacts.signals import stopped_by_signals
from danlu.artifacts.stage import StageContext
from danlu.errors import Stopped, UserError
from danlu.telemetry.reporter import Reporter
from danlu.training.config import TrainConfig
from danlu.training.parallel.job import Job
from danlu.training.parallel.launching import prepared, put_together
from danlu.training.parallel.lookout import Lookout
from danlu.training.parallel.notes import Heart, read_json
from danlu.training.parallel.team import Team, laid_out


def fit_with_team(config: TrainConfig, context: StageContext, team: Team) -> tuple[dict[str, Any], Any]:
    """As `danlu.training.parallel.launching.fit_on_ranks`, on the processes that are there."""
    config = laid_out(config, team.size)
    job, path = prepared(config, context)
    number = team.post({"job": str(path)})
    _take_part(job, context, team, number)
    return put_together(config, context, job.folder)


def follow(team: Team) -> None:
    """Take part in every training stage of the leader until there are no more."""
    from pathlib import Path

    while (found := team.next_job()) is not None:
        number, content = found
        job = Job.read(Path(content["job"]))
        with stopped_by_signals() as stop:
            try:
                _take_part(job, job.context(Reporter([]), stop), team, number)
            except (UserError, Stopped):
                continue  # the leader says it


def _take_part(job: Job, context: StageContext, team: Team, number: int) -> None:
    from torch._C._distributed_c10d import PrefixStore

    from danlu.training.parallel.taking_part import take_part

    store = PrefixStore(f"danlu/{team.attempt}/{number}/", team.store)
    with (
        Heart(job.folder, team.rank, team.attempt) as heart,
        Lookout(job.folder, team.rank, team.size, team.attempt),
    ):
        take_part(job, context, heart, store, team.size)
    assert team.rank or read_json(job.folder / "done.json") is not None
