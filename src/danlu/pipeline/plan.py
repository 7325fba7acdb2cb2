"""The plan: what each stage will take and do, before anything is spent."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import psutil

from danlu.artifacts.stage import Estimate
from danlu.artifacts.store import Artifact
from danlu.errors import UserError
from danlu.pipeline.format import format_bytes
from danlu.pipeline.make import find_whole
from danlu.pipeline.steps import Job, Made, NotMadeError, Step, UnknownFacts


@dataclass(frozen=True)
class Prediction:
    """What a stage is expected to take; see `danlu.artifacts.stage.Estimate`."""

    seconds: float
    peak_memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class StagePlan:
    """What one stage says beforehand."""

    name: str
    do: str
    kind: str
    artifact: str
    """Id of the artifact it makes, or made already."""
    cached: bool
    """The artifact was in the store when the plan was made; the stage need not run."""
    predicted: Prediction | None
    """None for a cached stage that was not asked, and for one that cannot tell before its inputs are made."""
    notes: list[str] = field(default_factory=list)
    preview: str | None = None


@dataclass(frozen=True)
class Plan:
    """All stages in order. The totals leave out stages whose artifact is there already."""

    run: str
    stages: list[StagePlan]

    @property
    def total(self) -> Prediction:
        """Sum of times and disk, highest peak of memory."""
        pending = [stage.predicted for stage in self.stages if stage.predicted and not stage.cached]
        return Prediction(
            seconds=sum(stage.seconds for stage in pending),
            peak_memory_bytes=max((stage.peak_memory_bytes for stage in pending), default=0),
            disk_bytes=sum(stage.disk_bytes for stage in pending),
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as ``plan.json`` keeps it.

        ``{"run", "stages": {NAME: {"do", "kind", "artifact", "cached", "predicted", "notes", "preview"}}, "total"}``,
        where ``predicted`` and ``total`` are ``{"seconds", "peak_memory_bytes", "disk_bytes"}``.
        """
        stages = {stage.name: asdict(stage) for stage in self.stages}
        for fields in stages.values():
            del fields["name"]
        return {"run": self.run, "stages": stages, "total": asdict(self.total)}


Maker = Callable[[Step, Mapping[str, Made], Prediction], Artifact]
"""Makes the artifact of a step, given what the stages before it made and what it is expected to take."""


def make_plan(job: Job, steps: list[Step], make: Maker, *, ask_cached: bool) -> tuple[Plan, dict[str, Made]]:
    """Ask every stage for its estimate, in order.

    Stages that prepare data in seconds (``PREPARES``) are made on the way, so that the plans after them look at facts.

    Args:
        job: The recipe and the workspace.
        steps: From `prepare_steps`.
        make: Makes one artifact.
        ask_cached: Also ask stages whose artifact is there already, for their notes and preview.

    Returns:
        The plan, and what is made or foretold of each stage by name.
    """
    made: dict[str, Made] = {}
    stages = []
    for step in steps:
        artifact = find_whole(job, step)
        plan = StagePlan(step.name, step.stage.do, step.stage.config.kind, step.id, artifact is not None, None)
        facts: Mapping[str, Any] = {}
        if artifact is None or ask_cached:
            plan, facts = _asked(job, step, made, plan)
        ready = all(made[link.stage].artifact for link in step.links if link.stage)
        if artifact is None and step.module.PREPARES and ready and plan.predicted:
            require_disk(job, step.name, plan.predicted.disk_bytes)
            artifact = make(step, made, plan.predicted)
        made[step.name] = Made(plan.kind, artifact, artifact.facts if artifact else facts)
        stages.append(plan)
    return Plan(job.recipe.name, stages), made


def require_disk(job: Job, what: str, num_bytes: int) -> None:
    """Raise a `UserError` when the workspace's disk has less room than `what` (a stage or the plan) needs."""
    free = shutil.disk_usage(job.workspace.root).free
    if num_bytes > free:
        raise UserError(
            f"Not enough disk: {what} needs {format_bytes(num_bytes)}, and {job.workspace.root} has "
            f"{format_bytes(free)} free.",
            "Free some space, or put the workspace elsewhere with --workspace DIR.",
        )


def predict(job: Job, step: Step, made: Mapping[str, Made]) -> Prediction:
    """Ask one stage whose inputs are all made."""
    with job.blaming(step.name):
        return _prediction(step.module.plan(step.stage.config, step.context(job, made)))


def _asked(job: Job, step: Step, made: Mapping[str, Made], plan: StagePlan) -> tuple[StagePlan, Mapping[str, Any]]:
    """The plan with the stage's estimate in it, and the facts it foretells."""
    try:
        with job.blaming(step.name):
            estimate = step.module.plan(step.stage.config, step.context(job, made))
    except NotMadeError as missing:
        return replace(plan, notes=[f"can be foretold only when {missing.name} is made"]), UnknownFacts(step.name)
    return _with_estimate(plan, estimate), estimate.facts


def _with_estimate(plan: StagePlan, estimate: Estimate) -> StagePlan:
    memory = psutil.virtual_memory().total
    notes = list(estimate.notes)
    if not plan.cached and estimate.peak_memory_bytes > memory:
        notes.append(
            f"Warning: needs {format_bytes(estimate.peak_memory_bytes)} of memory; "
            f"this machine has {format_bytes(memory)}."
        )
    return replace(plan, predicted=_prediction(estimate), notes=notes, preview=estimate.preview)


def _prediction(estimate: Estimate) -> Prediction:
    # All stages share one process, which holds at least what it holds now.
    peak_memory_bytes = max(int(estimate.peak_memory_bytes), psutil.Process().memory_info().rss)
    return Prediction(round(estimate.seconds, 3), peak_memory_bytes, int(estimate.disk_bytes))
