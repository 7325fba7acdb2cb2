"""The plan: what each stage will take and do, before anything is spent."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil

from danlu.artifacts.stage import Estimate
from danlu.artifacts.store import Artifact
from danlu.errors import UserError
from danlu.pipeline.format import format_bytes
from danlu.pipeline.make import find_whole
from danlu.pipeline.steps import Job, Made, Step

Maker = Callable[[Step, Mapping[str, Made], Estimate], Artifact]


@dataclass(frozen=True)
class StagePlan:
    """What one stage says beforehand."""

    name: str
    do: str
    kind: str
    artifact: str
    """Id of the artifact it makes, or made already."""
    cached: bool
    """The artifact is in the store; the stage will not run."""
    seconds: float
    peak_memory_bytes: int
    disk_bytes: int
    notes: list[str] = field(default_factory=list)
    preview: str | None = None


@dataclass(frozen=True)
class Plan:
    """All stages in order. The totals leave out stages whose artifact is there already."""

    run: str
    stages: list[StagePlan]

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages if not stage.cached)

    @property
    def peak_memory_bytes(self) -> int:
        return max((stage.peak_memory_bytes for stage in self.stages if not stage.cached), default=0)

    @property
    def disk_bytes(self) -> int:
        return sum(stage.disk_bytes for stage in self.stages if not stage.cached)

    def to_json(self) -> dict[str, Any]:
        """``{"run", "stages": {NAME: {...}}, "total": {"seconds", "peak_memory_bytes", "disk_bytes"}}``."""
        return {
            "run": self.run,
            "stages": {stage.name: _without_name(stage) for stage in self.stages},
            "total": {
                "seconds": self.seconds,
                "peak_memory_bytes": self.peak_memory_bytes,
                "disk_bytes": self.disk_bytes,
            },
        }


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
        cached = artifact is not None
        estimate = Estimate(seconds=0, peak_memory_bytes=0, disk_bytes=0)
        if not cached or ask_cached:
            estimate = step.module.plan(step.stage.config, step.context(job, made))
        ready = all(made[link.stage].artifact for link in step.links if link.stage)
        if not cached and step.module.PREPARES and ready:
            require_disk(job, step.name, estimate.disk_bytes)
            artifact = make(step, made, estimate)
        kind = step.stage.type.kind
        made[step.name] = Made(kind, artifact, artifact.facts if artifact else estimate.facts)
        stages.append(_stage_plan(step, estimate, cached))
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


def _stage_plan(step: Step, estimate: Estimate, cached: bool) -> StagePlan:
    memory = psutil.virtual_memory().total
    notes = list(estimate.notes)
    if not cached and estimate.peak_memory_bytes > memory:
        notes.append(
            f"Warning: needs {format_bytes(estimate.peak_memory_bytes)} of memory; "
            f"this machine has {format_bytes(memory)}."
        )
    return StagePlan(
        name=step.name,
        do=step.stage.do,
        kind=step.stage.type.kind,
        artifact=step.id,
        cached=cached,
        seconds=estimate.seconds,
        peak_memory_bytes=estimate.peak_memory_bytes,
        disk_bytes=estimate.disk_bytes,
        notes=notes,
        preview=estimate.preview,
    )


def _without_name(stage: StagePlan) -> dict[str, Any]:
    fields = asdict(stage)
    del fields["name"]
    return fields
