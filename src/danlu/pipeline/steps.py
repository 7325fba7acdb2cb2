"""What each stage of a recipe will make: sources fetched, references resolved, and the artifact's id derived.

An id follows from settings, sources and the ids of the parents, so all ids are known before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from danlu.artifacts.manifest import Parent, artifact_id
from danlu.artifacts.stage import Input, Reference, Source, SourceList, Stage, StageContext
from danlu.artifacts.stop import Stop
from danlu.artifacts.store import MANIFEST_FILE, Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.pipeline.graph import ARTIFACT_PREFIX, Graph, Link, check_kind, listed, marked_settings
from danlu.pipeline.recipe import Recipe, RecipeStage
from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter


@dataclass(frozen=True)
class Job:
    """One recipe in one workspace."""

    recipe: Recipe
    graph: Graph
    workspace: Workspace
    store: ArtifactStore
    reporter: Reporter
    stop: Stop
    """Asked for from outside."""

    @property
    def directory(self) -> Path:
        return self.workspace.runs / self.recipe.name

    @contextmanager
    def blaming(self, stage: str) -> Iterator[None]:
        """Add the recipe's line and the stage's name to what a stage says is wrong."""
        try:
            yield
        except UserError as error:
            where = self.recipe.where("stages", stage)
            raise UserError(f"{where}: {stage}: {error.what}", error.hint) from error


@dataclass(frozen=True)
class Made:
    """What is known of a stage's artifact."""

    kind: str
    artifact: Artifact | None
    """None while it has not been made."""
    facts: Mapping[str, Any]
    """The artifact's facts, or those its stage's plan foretold."""


class NotMadeError(Exception):
    """A stage cannot be planned before this input is made."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class UnknownFacts(Mapping[str, Any]):
    """Of an artifact that has not been made, and of which its stage can foretell nothing before its inputs are.

    Any look at them raises a `NotMadeError`, so a stage that needs them cannot be planned either.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, key: str) -> Any:
        raise NotMadeError(self._name)

    def __iter__(self) -> Iterator[str]:
        raise NotMadeError(self._name)

    def __len__(self) -> int:
        raise NotMadeError(self._name)


@dataclass(frozen=True)
class ForetoldInput(Input):
    """An input of which only the foretold facts are known."""

    @property
    def path(self) -> Path:
        raise NotMadeError(self.name)


@dataclass(frozen=True)
class Step:
    """One stage, ready to be planned or run as soon as its inputs are made."""

    stage: RecipeStage
    module: Stage
    id: str
    """Id of the artifact it makes."""
    settings: dict[str, Any]
    """All settings with defaults; references and sources are replaced by what they stand for."""
    parents: list[Parent]
    sources: dict[str, list[Source]]
    links: list[Link]
    outside: dict[str, Artifact]
    """Artifacts named by id or path, by the text in the recipe."""

    @property
    def name(self) -> str:
        return self.stage.name

    def directory(self, job: Job) -> Path:
        """With the id in it, so that a changed recipe never picks up another configuration's checkpoints."""
        return job.directory / "stages" / self.name / self.id

    def context(self, job: Job, made: Mapping[str, Made]) -> StageContext:
        """What the stage may touch, given what the stages before it have made."""
        inputs: dict[str, list[Input]] = {
            setting: [] for setting, _, _ in marked_settings(self.stage.config, Reference)
        }
        for link in self.links:
            if link.stage is None:
                artifact = self.outside[link.text]
                behind = Made(artifact.kind, artifact, artifact.facts)
            else:
                behind = made[link.stage]
            kind_of_input = Input if behind.artifact else ForetoldInput
            inputs[link.setting].append(
                kind_of_input(link.stage or link.text, behind.kind, link.part, behind.artifact, behind.facts)
            )
        return StageContext(
            name=self.name,
            workspace=job.workspace,
            store=job.store,
            reporter=job.reporter.bind(stage=self.name),
            directory=self.directory(job),
            inputs=inputs,
            sources=self.sources,
            stop=job.stop,
        )


def prepare_steps(job: Job) -> list[Step]:
    """All stages in order.

    Raises:
        UserError: a source cannot be reached, or an artifact that is named by id or path is not there or does not fit.
    """
    # Everything that is wrong with the recipe is found before the first byte is downloaded.
    outside = {name: _outside(job, name) for name in job.graph.order}
    ids: dict[str, str] = {}
    steps = []
    for name in job.graph.order:
        step = _step(job, name, outside[name], ids)
        ids[name] = step.id
        steps.append(step)
    return steps


def _step(job: Job, name: str, outside: dict[str, Artifact], ids: dict[str, str]) -> Step:
    stage, links = job.recipe.stages[name], job.graph.links[name]
    module = stage.type.load()
    sources = _fetch(job, stage)
    parents = [
        Parent(
            field=link.setting,
            name=link.stage or link.text,
            kind=job.recipe.stages[link.stage].config.kind if link.stage else outside[link.text].kind,
            id=ids[link.stage] if link.stage else outside[link.text].id,
            part=link.part,
        )
        for link in links
    ]
    settings = stage.config.model_dump(mode="json", by_alias=True, exclude={"do"})
    for setting, mark, value in marked_settings(stage.config, Reference):
        if value is not None:
            taken: list[Any] = [_identity(parent, named=mark.named) for parent in parents if parent.field == setting]
            if isinstance(value, dict):
                taken = [list(pair) for pair in zip(taken, to_jsonable_python([*value.values()]), strict=True)]
            _put(settings, setting, taken)
    for setting, found in sources.items():
        if setting.partition(".")[0] not in settings:  # the stage does not count it
            continue
        _put(settings, setting, [source.record.sha256 for source in found])
    identity = artifact_id(
        kind=stage.config.kind,
        stage=stage.do,
        stage_version=module.VERSION,
        settings=stage.config.settings_in_id(settings),
        parents=parents,
        sources=[source.record for found in sources.values() for source in found],
    )
    return Step(stage, module, identity, settings, parents, sources, links, outside)


def _put(settings: dict[str, Any], name: str, value: list[Any]) -> None:
    """Set a setting, which may stand inside others: ``deduplicate.against``."""
    *outer, last = name.split(".")
    for each in outer:
        settings = settings[each]
    settings[last] = value


def _identity(parent: Parent, *, named: bool) -> str:
    """What stands in the settings for a reference."""
    identity = f"{parent.id}.{parent.part}" if parent.part else parent.id
    return f"{parent.name}={identity}" if named else identity


def _outside(job: Job, name: str) -> dict[str, Artifact]:
    """The artifacts a stage takes by id or path."""
    found = {}
    for link in job.graph.links[name]:
        if link.stage is not None:
            continue
        where = job.recipe.where("stages", name, *link.place)
        if link.text.startswith(ARTIFACT_PREFIX):
            try:
                artifact = job.store.get(link.text.removeprefix(ARTIFACT_PREFIX).partition(".")[0])
            except UserError as error:
                raise UserError(f"{where}: {name}.{link.setting}: {error.what}", error.hint) from None
        else:
            artifact = _artifact_at(job, where, name, link)
        check_kind(where, name, link, artifact.kind, job.recipe)
        found[link.text] = artifact
    return found


def _artifact_at(job: Job, where: str, name: str, link: Link) -> Artifact:
    path = (job.recipe.directory / Path(link.text).expanduser()).resolve()
    artifact = None
    if (path / MANIFEST_FILE).is_file():
        artifact = ArtifactStore(path.parent.parent).find(path.parent.name, path.name)
    if artifact is None:
        raise UserError(
            f"{where}: {name}.{link.setting}: there is no artifact at {path}.",
            f"An artifact is a directory with a file {MANIFEST_FILE}; list those of a workspace with: danlu artifacts",
        )
    return artifact


def _fetch(job: Job, stage: RecipeStage) -> dict[str, list[Source]]:
    """The sources of a stage by setting, on this machine and verified."""
    found: dict[str, list[Source]] = {}
    for setting, mark, value in marked_settings(stage.config, SourceList):
        found[setting] = []
        uris = listed(value)
        if not uris:
            continue
        from danlu.sources.fetch import fetch, fetch_first

        reporter, cache, base = job.reporter.bind(stage=stage.name), job.workspace.cache, job.recipe.directory
        try:
            if mark.combine == "first":
                found[setting].append(fetch_first(uris, cache=cache, reporter=reporter, base=base))
            else:
                for uri in uris:
                    found[setting].append(fetch(uri, cache=cache, reporter=reporter, base=base))
        except UserError as error:
            where = job.recipe.where("stages", stage.name, *setting.split("."), len(found[setting]))
            raise UserError(f"{where}: {stage.name}.{setting}: {error.what}", error.hint) from error
    return found
