"""The artifact store: a directory per artifact, which is whole or is not there.

An artifact is written into ``artifacts/<kind>/.partial-<id>-<pid>``, every file is hashed and synced to disk,
``artifact.json`` is written last, and the directory is renamed into place. A reader therefore never sees half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from danlu.artifacts.manifest import FileRecord, Manifest
from danlu.errors import UserError

MANIFEST_FILE = "artifact.json"


@dataclass(frozen=True)
class Artifact:
    """A published artifact: where it lies and what it says about itself."""

    path: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def kind(self) -> str:
        return self.manifest.kind

    @property
    def facts(self) -> dict[str, Any]:
        return self.manifest.facts

    @property
    def num_bytes(self) -> int:
        return sum(record.num_bytes for record in self.manifest.files.values())


class ArtifactStore:
    """All artifacts of one workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, artifact_id: str) -> Path:
        return self.root / kind / artifact_id

    def find(self, kind: str, artifact_id: str) -> Artifact | None:
        """The artifact, or None if it was never published or its manifest is missing or broken.

        Reads the manifest only; see `damage` for the payload.
        """
        path = self.path(kind, artifact_id)
        try:
            text = (path / MANIFEST_FILE).read_text(encoding="utf-8")
            return Artifact(path, Manifest.model_validate_json(text))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def get(self, artifact_id: str) -> Artifact:
        """The artifact with this id (or an unambiguous beginning of it).

        Raises:
            UserError: there is none, or several ids begin so.
        """
        found = [artifact for artifact in self.all() if artifact.id.startswith(artifact_id)]
        if len(found) == 1:
            return found[0]
        problem = "is not in this workspace" if not found else f"is the beginning of {len(found)} ids"
        raise UserError(f"Artifact {artifact_id!r} {problem}.", "List what there is with: danlu artifacts")

    def all(self) -> Iterator[Artifact]:
        """Every published artifact, by kind and id."""
        for manifest in sorted(self.root.glob(f"*/*/{MANIFEST_FILE}")):
            directory = manifest.parent
            if directory.name.startswith("."):
                continue
            artifact = self.find(directory.parent.name, directory.name)
            if artifact:
                yield artifact

    def damage(self, artifact: Artifact) -> str | None:
        """What is wrong with the payload (a missing, short or altered file), or None if every hash is right."""
        for name, record in artifact.manifest.files.items():
            path = artifact.path / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != record.num_bytes:
                return f"{name} has {path.stat().st_size} bytes instead of {record.num_bytes}"
            if hash_file(path) != record.sha256:
                return f"{name} does not match its recorded sha256"
        return None

    def restate(self, artifact: Artifact, settings: dict[str, Any]) -> Artifact:
        """The artifact with other values for settings that change nothing in it (see `StageConfig.RESTATED`)."""
        manifest = artifact.manifest.model_copy(update={"settings": {**artifact.manifest.settings, **settings}})
        write_synced(artifact.path / MANIFEST_FILE, _as_text(manifest))
        return Artifact(artifact.path, manifest)

    def remove(self, artifact: Artifact) -> None:
        """Take the artifact away: renamed first, so that no half-deleted artifact is ever visible."""
        doomed = artifact.path.with_name(f".removed-{artifact.id}-{os.getpid()}")
        artifact.path.rename(doomed)
        shutil.rmtree(doomed)

    @contextmanager
    def publish(self, kind: str, artifact_id: str) -> Iterator[tuple[Path, Callable[[Manifest], Artifact]]]:
        """Yield an empty directory to fill and a function that publishes it. Without that call nothing remains.

        The manifest that is passed in need not list the files; they are hashed here.
        """
        self._clear_abandoned(kind)
        partial = self.root / kind / f".partial-{artifact_id}-{os.getpid()}"
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)

        def commit(manifest: Manifest) -> Artifact:
            records = {}
            for path in sorted(partial.rglob("*")):
                if path.is_file():
                    records[path.relative_to(partial).as_posix()] = FileRecord(
                        sha256=hash_file(path), num_bytes=path.stat().st_size
                    )
            whole = manifest.model_copy(update={"files": records})
            (partial / MANIFEST_FILE).write_text(_as_text(whole), encoding="utf-8")
            sync_tree(partial)
            final = self.path(kind, artifact_id)
            try:
                partial.rename(final)
            except OSError:
                # Another run published the same artifact first; by its id it is the same content.
                existing = self.find(kind, artifact_id)
                if existing is None:
                    raise
                return existing
            sync_directory(final.parent)
            return Artifact(final, whole)

        try:
            yield partial, commit
        finally:
            if partial.exists():
                shutil.rmtree(partial, ignore_errors=True)

    def _clear_abandoned(self, kind: str) -> None:
        """Remove what killed processes left behind."""
        for pattern in (".partial-*", ".removed-*"):
            for path in (self.root / kind).glob(pattern):
                if not psutil.pid_exists(int(path.name.rsplit("-", 1)[1])):
                    shutil.rmtree(path, ignore_errors=True)


def _as_text(manifest: Manifest) -> str:
    return json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_directory(path: Path) -> None:
    """Make a rename or creation inside `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, text: str) -> None:
    """Replace a small file by `text` in one move that survives a power cut."""
    aside = path.with_name(f".{path.name}.partial")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    sync_directory(path.parent)


def sync_tree(path: Path) -> None:
    """Write every file and directory under `path` through to the disk."""
    for entry in sorted(path.rglob("*")):
        if entry.is_file():
            with entry.open("rb+") as file:
                os.fsync(file.fileno())
        else:
            sync_directory(entry)
    sync_directory(path)
