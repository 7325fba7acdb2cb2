"""What a stage is: it takes artifacts and sources, says beforehand what it will cost, and makes exactly one artifact.

A stage is a module with the members of `Stage`; its settings are a pydantic class beside it in ``config.py``, kept
apart so that a recipe can be checked without importing torch. Settings that name other stages or sources are marked:

    class TokenizeConfig(StageConfig):
        KIND = "tokens"
        data: Annotated[str, Reference(("examples",))]

and the pipeline resolves them before the stage is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, get_args

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from danlu.artifacts.manifest import SourceRecord, Strict
from danlu.artifacts.stop import Stop
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter

CHECKPOINTS = "checkpoints"
"""Part of a stage's directory; see `StageContext.checkpoints`."""


class StageConfig(Strict):
    """The settings every stage has."""

    KIND: ClassVar[str]
    """Kind of artifact the stage makes; see `kind`."""
    NOT_IN_ID: ClassVar[frozenset[str]] = frozenset()
    """Settings that never change the result: another value makes the same artifact."""

    RESTATED: ClassVar[frozenset[str]] = frozenset()
    """Of these, settings that say something of what is made: an artifact that is there already takes over what a later
    run says."""

    do: str
    """What the stage does."""

    @property
    def kind(self) -> str:
        """Kind of artifact these settings make. A stage that can make several decides it here by its settings."""
        return self.KIND

    def settings_in_id(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Those of `settings`, all of the stage by name, that decide what it makes."""
        return {name: value for name, value in settings.items() if name not in self.NOT_IN_ID}


def as_given(config: type[BaseModel], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a manifest as a recipe may give them: without those that are at their defaults, some of which may
    not be given."""
    given = {}
    names = {field.alias or name: field for name, field in config.model_fields.items()}
    for name, value in settings.items():
        field = names.get(name)
        if field is not None and not field.is_required():
            default = field.get_default(call_default_factory=True)
            if to_jsonable_python(default, by_alias=True) == value:
                continue
        inner = (
            [each for each in (get_args(field.annotation) or (field.annotation,)) if _is_settings(each)]
            if field
            else []
        )
        given[name] = as_given(inner[0], value) if len(inner) == 1 and isinstance(value, dict) else value
    return given


def _is_settings(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


@dataclass(frozen=True)
class Reference:
    """Marks a setting that refers to other stages of the recipe or to artifacts: a name, a list of names, or a mapping
    from names to something that is said of each."""

    kinds: tuple[str, ...]
    """Artifact kinds that may stand here."""
    named: bool = False
    """Whether what the stage makes carries the names the recipe gave (a report's table does): then they are part of its
    id. Otherwise renaming a stage runs nothing again."""


@dataclass(frozen=True)
class SourceList:
    """Marks a setting (a URI, or a list of URIs) that names sources.

    ``combine="all"``: every source is read. ``combine="first"``: alternatives, the first that can be reached is taken.
    """

    combine: Literal["all", "first"] = "all"


@dataclass(frozen=True)
class Source:
    """A source that lies on this machine now, verified."""

    path: Path
    """A file, or a directory when the URI names one."""
    record: SourceRecord


@dataclass(frozen=True)
class Input:
    """What stands behind a reference. While planning, the artifact may not exist yet; then only `facts` are known."""

    name: str
    kind: str
    part: str | None
    artifact: Artifact | None
    facts: Mapping[str, Any]
    """The artifact's facts, or the facts its stage's plan foretold."""

    @property
    def path(self) -> Path:
        """Directory of the artifact. Only to be asked for when the artifact exists (always so in ``run``)."""
        assert self.artifact is not None, f"{self.name} has not been made yet"
        return self.artifact.path


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a stage says before it runs."""

    seconds: float
    peak_memory_bytes: int
    """Peak resident memory of the whole process while the stage runs."""
    disk_bytes: int
    """Size of the artifact it will publish (with checkpoints, at their most)."""
    notes: list[str] = field(default_factory=list)
    """What will happen to the data and anything that deserves a warning, one line each."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What later stages' plans may rely on; the same names as the facts that ``run`` returns, where known."""
    preview: str | None = None
    """Something to look at, for example the first batch decoded. May carry rich markup."""


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """Everything a stage may touch besides its settings."""

    name: str
    """What the recipe calls this stage."""
    workspace: Workspace
    store: ArtifactStore
    reporter: Reporter
    directory: Path
    """``runs/<run>/stages/<stage>``: checkpoints and metrics that outlive a kill but are no part of the artifact."""
    inputs: Mapping[str, list[Input]]
    """By setting name. A setting that holds one name has a list of one."""
    sources: Mapping[str, list[Source]]
    """By setting name, in the recipe's order."""
    stop: Stop = field(default_factory=Stop)
    """Whether the run was asked to stop."""

    @property
    def checkpoints(self) -> Path:
        """Part of `directory` for what a stopped stage goes on from; deleted when the artifact is in the store."""
        return self.directory / CHECKPOINTS

    def input(self, setting: str) -> Input:
        """The single input of a setting that holds one name."""
        (only,) = self.inputs[setting]
        return only


class Stage(Protocol):
    """A module that is a stage."""

    VERSION: int
    """Raised whenever the same settings and inputs give another result; part of the artifact's id."""
    PREPARES: bool
    """True for stages that take seconds and whose outcome a plan must look at: ``danlu plan`` runs them."""

    def plan(self, config: Any, context: StageContext) -> Estimate: ...

    def run(self, config: Any, context: StageContext, out: Path) -> dict[str, Any]:
        """Fill the directory `out`; return the artifact's facts (JSON)."""
        ...
