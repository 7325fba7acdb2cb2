"""Train stages, ready to be tried out before the models they take have been made.

What prepares data is made, as for a plan. A model that another train stage would make is stood in for by the one that
stage takes, which has the same layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from danlu.artifacts.stage import StageConfig, StageContext
from danlu.artifacts.stop import Stop
from danlu.artifacts.store import ArtifactStore
from danlu.errors import UserError
from danlu.pipeline.graph import build_graph
from danlu.pipeline.guards import explained_full_disk
from danlu.pipeline.make import find_whole
from danlu.pipeline.part import needed_by
from danlu.pipeline.plan import predict, require_disk
from danlu.pipeline.recipe import Recipe
from danlu.pipeline.run import make_and_say, prepare_allocator
from danlu.pipeline.steps import Job, Made, Step, prepare_steps
from danlu.settings import Workspace
from danlu.telemetry.reporter import Listener, Reporter


@dataclass(frozen=True)
class Prepared:
    """One stage."""

    name: str
    config: StageConfig
    context: StageContext
    stand_ins: Mapping[str, str]
    """What stands in for an input that has not been made: a stage's name by a stage's name."""
    passed_over: Sequence[StageConfig]
    """Settings of the stages that would make the input out of what stands in for it, in order."""


def prepare_with_stand_ins(
    recipe: Recipe, workspace: Workspace, listeners: Sequence[Listener], names: Sequence[str]
) -> list[Prepared]:
    """Stages as when they are run, with stand-ins for models that have not been made.

    Raises:
        UserError: a stage takes something that has not been made and nothing stands in for.
    """
    prepare_allocator()
    graph, store, reporter = build_graph(recipe), ArtifactStore(workspace.artifacts), Reporter([*listeners])
    job = Job(recipe, graph, workspace, store, reporter, Stop())
    steps = {step.name: step for step in prepare_steps(job)}
    before = {link.stage for name in names for link in graph.links[name] if link.stage}
    needed = needed_by(before, graph)
    made: dict[str, Made] = {}
    stand_ins: dict[str, str] = {}
    passed_over: dict[str, list[StageConfig]] = {}
    with explained_full_disk(workspace):
        for step in steps.values():
            if step.name in needed:
                made[step.name] = _made(job, step, made, stand_ins, passed_over)
    return [
        Prepared(
            name,
            steps[name].stage.config,
            steps[name].context(job, made),
            {link.stage: stand_ins[link.stage] for link in steps[name].links if link.stage in stand_ins},
            [config for link in steps[name].links for config in passed_over.get(link.stage or "", [])],
        )
        for name in names
    ]


def _made(
    job: Job,
    step: Step,
    made: Mapping[str, Made],
    stand_ins: dict[str, str],
    passed_over: dict[str, list[StageConfig]],
) -> Made:
    """The artifact of a step: there already, made now, or another one of its kind; then the last two say so."""
    artifact = find_whole(job, step)
    taken = [link.stage for link in step.links if link.stage]
    stood_for = [name for name in taken if name in stand_ins]
    kind = step.stage.config.kind
    if artifact is None and step.module.PREPARES and not stood_for:
        predicted = predict(job, step, made)
        require_disk(job, step.name, predicted.disk_bytes)
        artifact = make_and_say(job, step, made, predicted)
    if artifact is None:
        same = next((name for name in taken if made[name].kind == kind), None)
        if same is None or step.module.PREPARES:
            raise UserError(
                f"{step.name} has not been made, and takes longer than a look at the recipe should.",
                f"Run it first: danlu run {job.recipe.path.name}",
            )
        stand_ins[step.name] = stand_ins.get(same, same)
        passed_over[step.name] = [*passed_over.get(same, []), step.stage.config]
        return made[same]
    return Made(artifact.kind, artifact, artifact.facts)
