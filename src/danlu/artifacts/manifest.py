"""What an artifact says about itself: ``artifact.json``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

KINDS = (
    "corpus",
    "examples",
    "labels",
    "scorer",
    "tokenizer",
    "tokens",
    "model",
    "report",
    "export",
    "index",
    "release",
)


class Strict(BaseModel):
    """Base of all on-disk and recipe schemas: an unknown key is an error, and instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRecord(Strict):
    """Bytes that came from outside, as they were when they were read."""

    uri: str
    sha256: str
    num_bytes: int


class Parent(Strict):
    """An artifact that this one was made from."""

    field: str
    """Name of the stage's setting that took it, for example ``data``."""
    name: str
    """What the recipe called it."""
    kind: str
    id: str
    part: str | None = None
    """The part that was taken, for example ``test`` of ``rows.test``."""


class FileRecord(Strict):
    sha256: str
    num_bytes: int


class Manifest(Strict):
    """The whole provenance of one artifact."""

    schema_version: int = 1
    id: str
    kind: str
    stage: str
    """What the stage does (``do:`` in the recipe)."""
    name: str
    """What the recipe called the stage."""
    stage_version: int
    settings: dict[str, Any]
    """The stage's settings with defaults filled in."""
    parents: list[Parent] = Field(default_factory=list)
    sources: list[SourceRecord] = Field(default_factory=list)
    environment: dict[str, str] = Field(default_factory=dict)
    files: dict[str, FileRecord] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    """What the stage found out: counts, losses, parities. Later stages and reports read these."""
    created: str
    """UTC, ISO 8601."""
    seconds: float
    peak_memory_bytes: int


def artifact_id(
    *,
    kind: str,
    stage: str,
    stage_version: int,
    settings: dict[str, Any],
    parents: list[Parent],
    sources: list[SourceRecord],
) -> str:
    """The id of what a stage will make: the first 16 hex digits of a SHA-256 over everything that determines it.

    Names that the recipe chose take part only where the result carries them (see `Reference`), so renaming a stage
    does not run it again.
    """
    identity = {
        "kind": kind,
        "stage": stage,
        "stage_version": stage_version,
        "settings": settings,
        "parents": [[parent.field, parent.id, parent.part] for parent in parents],
        "sources": [source.sha256 for source in sources],
    }
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
