"""What is inspected: a cleaned artifact, or what was cleaned of raw files into a directory that nobody keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from danlu.artifacts.store import Artifact
from danlu.corpus.config import CleanConfig
from danlu.corpus.kept_settings import kept_settings
from danlu.errors import UserError

INSPECTED = ("corpus", "examples")
"""Kinds of artifacts."""


@dataclass(frozen=True)
class Subject:
    """Rows on the disk, and what is known of them besides."""

    name: str
    kind: str
    """``corpus`` or ``examples``."""
    directory: Path
    facts: dict[str, Any]
    """What the stage found out."""
    sources: list[str]
    """URIs that were read."""
    config: CleanConfig | None = None
    """Settings of the stage; None if it was another stage or another version of it."""
    id: str | None = None
    """Of the artifact; None if there is none."""
    created: str = ""
    """UTC, ISO 8601."""
    notes: list[str] = field(default_factory=list)
    """What is to be known of how it was read, one sentence each."""

    @property
    def unit(self) -> str:
        """What rows are called, in the plural."""
        return "documents" if self.kind == "corpus" else "conversations"

    @property
    def num_read(self) -> int | None:
        """Rows of the sources, those that were left out included."""
        return self.facts.get("num_documents_read", self.facts.get("num_rows_read"))


def of_artifact(artifact: Artifact) -> Subject:
    """
    Raises:
        UserError: it is of a kind without rows.
    """
    if artifact.kind not in INSPECTED:
        raise UserError(
            f"{artifact.manifest.name} ({artifact.id}) is of kind {artifact.kind!r}, which has no rows to look at.",
            "Name a corpus or examples; list what there is with: danlu artifacts",
        )
    manifest = artifact.manifest
    return Subject(
        name=manifest.name,
        kind=artifact.kind,
        directory=artifact.path,
        facts=dict(manifest.facts),
        sources=[source.uri for source in manifest.sources],
        config=kept_settings(manifest.settings, artifact.kind) if manifest.stage == "clean" else None,
        id=artifact.id,
        created=manifest.created,
    )
