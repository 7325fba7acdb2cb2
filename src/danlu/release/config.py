"""Settings of ``do: release``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import field_validator

from danlu.artifacts.stage import Reference, StageConfig
from danlu.registry.names import check_name
from danlu.release.gate import check_syntax


class ReleaseConfig(StageConfig):
    """Register a model under a name, if its gate lets it through."""

    KIND: ClassVar[str] = "release"

    do: Literal["release"]
    name: str
    """What to call it: ``danlu serve NAME``. Letters, digits, dot, underscore and hyphen."""
    model: Annotated[str, Reference(("model",))]
    """The trained model."""
    exports: Annotated[str, Reference(("export",))]
    """Its exports; what is served comes from here."""
    evaluation: Annotated[str | None, Reference(("report",))] = None
    """An evaluation to keep with the release."""
    gate: str | None = None
    """What must hold, in the facts of the stages above, for example ``proof.loss.tuned < proof.loss.base``. Numbers,
    arithmetic, comparisons, ``and``, ``or``, ``not``. If it does not hold, nothing is registered."""

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        return check_name(name)

    @field_validator("gate")
    @classmethod
    def _gate(cls, gate: str | None) -> str | None:
        if gate is not None:
            check_syntax(gate)
        return gate
