"""Running a recipe: plan, then each stage in order. Run again to go on from where a run stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from danlu.artifacts.signals import stopped_by_signals
from danlu.artifacts.stage import StageConfig, StageContext
from danlu.artifacts.stop import Stop
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import Stopped, UserError, did_you_mean
from danlu.hardware.machine import num_usable_cores
from danlu.pipeline.graph import build_graph
from danlu.pipeline.guards import explained_full_disk, only_one
from danlu.pipeline.make import make, register
from danlu.pipeline.part import needed_by
from danlu.pipeline.plan import Plan, Prediction, make_plan, predict, require_disk
from danlu.pipeline.recipe import Recipe
from danlu.pipeline.record import RunRecord, now, read_json, replace_json
from danlu.pipeline.steps import Job, Made, Step, prepare_steps
from danlu.settings import Workspace
from danlu.telemetry.allocator import ask_for_huge_pages, limit_arenas
from danlu.telemetry.reporter import EventLog, Listener, Reporter


@dataclass(frozen=True)
class StageResult:
    """What became of one stage."""

    name: str
    do: str
    artifact: Artifact
    cached: bool
    """The artifact was there already; `seconds` and `peak_memory_bytes` are from when it was made."""
    resumed: bool
    """An earlier run was stopped in this stage; `seconds` is what was left to do."""
    predicted: Prediction | None
    """As planned before it was made, where known."""

    @property
    def path(self) -> Path:
        return self.artifact.path

    @property
    def facts(self) -> dict[str, Any]:
        return self.artifact.facts

    @property
    def seconds(self) -> float:
        return self.artifact.manifest.seconds

    @property
    def peak_memory_bytes(self) -> int:
        return self.artifact.manifest.peak_memory_bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "artifact": self.artifact.id,
            "path": str(self.path),
            "cached": self.cached,
            "resumed": self.resumed,
            "do": self.do,
            "kind": self.artifact.kind,
            "seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory_bytes,
            "num_bytes": self.artifact.num_bytes,
            "predicted": asdict(self.predicted) if self.predicted else None,
        }


@dataclass(frozen=True)
class RunResult:
    """What became of a run."""

    run: str
    directory: Path
    """``runs/<run>``: recipe, plan, record and events."""
    stages: dict[str, StageResult]

    def to_json(self) -> dict[str, Any]:
        """``{"run", "stages": {NAME: {"artifact", "path", "cached", ...}}}``."""
        return {"run": self.run, "stages": {name: stage.to_json() for name, stage in self.stages.items()}}


def run_recipe(recipe: Recipe, workspace: Workspace, listeners: Sequence[Listener]) -> RunResult:
    """Make every artifact of the recipe that is not there yet.

    Raises:
        UserError: something the user can mend. Stages that were finished stay finished.
        Stopped: by Ctrl-C or SIGTERM; see `stopped_by_signals`.
    """
    prepare_allocator()
    graph = build_graph(recipe)
    directory = workspace.runs / recipe.name
    with explained_full_disk(workspace), only_one(directory), stopped_by_signals() as stop:
        log = EventLog(directory / "events.jsonl")
        record = RunRecord(
            directory,
            run=recipe.name,
            recipe=recipe.path,
            stages={name: recipe.stages[name].do for name in graph.order},
        )
        reporter = Reporter([*listeners, log, record])
        job = Job(recipe, graph, workspace, ArtifactStore(workspace.artifacts), reporter, stop)
        try:
            with _outcome_recorded(record, reporter):
                return _run(job, record)
        finally:
            log.close()


def plan_recipe(recipe: Recipe, workspace: Workspace, listeners: Sequence[Listener]) -> Plan:
    """Plan the recipe; stages that prepare data in seconds are run on the way. Saved as ``runs/<run>/plan.json``."""
    prepare_allocator()
    graph, store, reporter = build_graph(recipe), ArtifactStore(workspace.artifacts), Reporter([*listeners])
    with explained_full_disk(workspace), stopped_by_signals() as stop:
        job = Job(recipe, graph, workspace, store, reporter, stop)
        plan, _ = make_plan(job, prepare_steps(job), partial(make_and_say, job), ask_cached=True)
        job.directory.mkdir(parents=True, exist_ok=True)
        replace_json(job.directory / "plan.json", plan.to_json())
    return plan


def prepare_stage(
    recipe: Recipe, workspace: Workspace, listeners: Sequence[Listener], name: str
) -> tuple[StageConfig, StageContext]:
    """One stage's settings and what it may touch, as when it is run; stages that prepare data in seconds are run.

    Raises:
        UserError: there is no such stage, or what it takes has not been made.
    """
    prepare_allocator()
    graph, store, reporter = build_graph(recipe), ArtifactStore(workspace.artifacts), Reporter([*listeners])
    job = Job(recipe, graph, workspace, store, reporter, Stop())
    if name not in recipe.stages:
        raise UserError(f"The recipe {recipe.name!r} has no stage {name!r}.", did_you_mean(name, list(recipe.stages)))
    steps = {step.name: step for step in prepare_steps(job)}
    needed = needed_by([name], graph)
    before = [step for step in steps.values() if step.name in needed - {name}]
    with explained_full_disk(workspace):
        _, made = make_plan(job, before, partial(make_and_say, job), ask_cached=False)
    missing = [link.stage for link in steps[name].links if link.stage and made[link.stage].artifact is None]
    if missing:
        raise UserError(
            f"{name} takes {', '.join(missing)}, which has not been made.",
            f"Run it first: danlu run {recipe.path.name}",
        )
    return steps[name].stage.config, steps[name].context(job, made)


def prepare_allocator() -> None:
    """Say to the allocator what has to be said first of all."""
    ask_for_huge_pages()
    limit_arenas(num_usable_cores())


def make_and_say(job: Job, step: Step, made: Mapping[str, Made], predicted: Prediction) -> Artifact:
    """Make one artifact and tell the listeners."""
    job.reporter.event("stage_started", stage=step.name, do=step.stage.do, predicted=asdict(predicted))
    artifact = make(job, step, made)
    job.reporter.event("stage_finished", stage=step.name, seconds=artifact.manifest.seconds)
    return artifact


def _run(job: Job, record: RunRecord) -> RunResult:
    (job.directory / "recipe.yaml").write_text(job.recipe.to_yaml(), encoding="utf-8")
    job.reporter.event("run_started", run=job.recipe.name, stages=job.graph.order)
    results: dict[str, StageResult] = {}

    def make_and_record(step: Step, made: Mapping[str, Made], predicted: Prediction) -> Artifact:
        results[step.name] = _make_recorded(job, record, step, made, predicted)
        return results[step.name].artifact

    steps = prepare_steps(job)
    plan, made = make_plan(job, steps, make_and_record, ask_cached=False)
    plan = _with_earlier_answers(job, plan)
    replace_json(job.directory / "plan.json", plan.to_json())
    remaining = [stage.predicted for stage in plan.stages if made[stage.name].artifact is None and stage.predicted]
    require_disk(job, f"the rest of {job.recipe.name!r}", sum(predicted.disk_bytes for predicted in remaining))
    for step, planned in zip(steps, plan.stages, strict=True):
        job.stop.check()
        artifact = made[step.name].artifact
        if artifact is None:
            artifact = make_and_record(step, made, planned.predicted or predict(job, step, made))
            made[step.name] = Made(artifact.kind, artifact, artifact.facts)
        elif step.name not in results:
            reused = StageResult(step.name, step.stage.do, artifact, True, False, planned.predicted)
            results[step.name] = _recorded(job, record, reused)
        register(job, artifact)
    return RunResult(job.recipe.name, job.directory, {step.name: results[step.name] for step in steps})


def _with_earlier_answers(job: Job, plan: Plan) -> Plan:
    """Cached stages were not asked again; what they said when they were is kept from the plan that is replaced."""
    earlier = (read_json(job.directory / "plan.json") or {}).get("stages", {})
    stages = []
    for stage in plan.stages:
        said = earlier.get(stage.name, {})
        if stage.predicted is None and said.get("artifact") == stage.artifact and said.get("predicted"):
            predicted = Prediction(**said["predicted"])
            stage = replace(stage, predicted=predicted, notes=said["notes"], preview=said["preview"])
        stages.append(stage)
    return replace(plan, stages=stages)


def _make_recorded(
    job: Job, record: RunRecord, step: Step, made: Mapping[str, Made], predicted: Prediction
) -> StageResult:
    resumed = record.was_begun(step.name, step.id)
    expected = asdict(predicted)
    record.update(step.name, state="running", artifact=step.id, started=now(), predicted=expected)
    job.reporter.event("stage_started", stage=step.name, do=step.stage.do, predicted=expected, resumed=resumed)
    artifact = make(job, step, made)
    return _recorded(job, record, StageResult(step.name, step.stage.do, artifact, False, resumed, predicted))


def _recorded(job: Job, record: RunRecord, result: StageResult) -> StageResult:
    record.update(result.name, state="cached" if result.cached else "done", finished=now(), **result.to_json())
    job.reporter.event("stage_reused" if result.cached else "stage_finished", stage=result.name, **result.to_json())
    return result


@contextmanager
def _outcome_recorded(record: RunRecord, reporter: Reporter) -> Iterator[None]:
    """Write into the record how the run ended. Where even that cannot be written, the error itself matters more."""
    try:
        yield
    except BaseException as error:
        state = "interrupted" if isinstance(error, Stopped | KeyboardInterrupt) else "failed"
        message = f"{type(error).__name__}: {error}"
        if isinstance(error, Stopped | UserError):
            message = error.what
        with suppress(OSError):
            for name, stage in record.content["stages"].items():
                if stage["state"] == "running":
                    record.update(name, state=state, error=message)
            record.content["error"] = message
            record.end(state)
            reporter.event(f"run_{state}", error=message)
        raise
    record.end("done")
    reporter.event("run_finished")
