"""The file that a row came from, if it is still on this machine and its bytes are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from danlu.artifacts.manifest import Manifest, SourceRecord
from danlu.corpus.archives.listing import with_members
from danlu.corpus.files import IN_ARCHIVE, SourceFile
from danlu.errors import UserError
from danlu.pipeline.record import read_json
from danlu.settings import Workspace
from danlu.sources.cache import Cache
from danlu.sources.fetch import parse
from danlu.sources.tree import hash_path
from danlu.telemetry.reporter import Reporter


@contextmanager
def found_file(workspace: Workspace, manifest: Manifest, uri: str) -> Iterator[SourceFile | str]:
    """The file, or why it is not to be had. Nothing is downloaded; every byte of its source is hashed.

    Args:
        workspace: Its runs say where recipes lie, from which paths are relative.
        manifest: Of the artifact that was made of it.
        uri: As the artifact calls the file.
    """
    archive, inside, _ = uri.partition(IN_ARCHIVE)
    file = _find_file(workspace, manifest, archive)
    if isinstance(file, str) or not inside:
        yield file
        return
    with TemporaryDirectory(prefix="danlu-trace-") as scratch:
        members = with_members([file], Path(scratch)).files
        yield next((member for member in members if member.uri == uri), f"{uri} is no longer in the archive")


def _find_file(workspace: Workspace, manifest: Manifest, uri: str) -> SourceFile | str:
    record = next((each for each in manifest.sources if _is_in(uri, each)), None)
    if record is None:
        return f"{uri} is in none of the sources of {manifest.name}"
    path = _find(workspace, record)
    if isinstance(path, str):
        return path
    relative = None if path.is_file() else uri[len(record.uri.rstrip("/")) + 1 :]
    found = path if relative is None else path / relative
    if not found.resolve().is_relative_to(path.resolve()) or not found.is_file():
        return f"{uri} is not in {path}"
    return SourceFile(found, uri, relative)


def _is_in(uri: str, record: SourceRecord) -> bool:
    return uri == record.uri or uri.startswith(record.uri.rstrip("/") + "/")


def _find(workspace: Workspace, record: SourceRecord) -> Path | str:
    address = parse(record.uri)
    if address.scheme != "file":
        source = Cache(workspace.cache, Reporter()).find(record.uri)
        if source is None or source.record.sha256 != record.sha256:
            return f"{record.uri} is no longer in the cache as it was"
        return source.path
    changed = None
    for base in _bases(workspace):
        path = base / Path(address.name).expanduser()
        if not path.exists():
            continue
        try:
            sha256, _ = hash_path(path)
        except (OSError, UserError) as error:
            return f"{path} cannot be read: {error}"
        if sha256 == record.sha256:
            return path.absolute()
        changed = changed or path
    if changed is not None:
        return f"{changed} has changed since: its sha256 is no longer {record.sha256[:16]}…"
    return f"{address.name} is no longer there"


def _bases(workspace: Workspace) -> Iterator[Path]:
    """Where relative paths may start: beside the recipes of all runs, and here."""
    seen = set()
    for record in sorted(workspace.runs.glob("*/run.json")):
        recipe = (read_json(record) or {}).get("recipe")
        if recipe and (directory := Path(recipe).parent) not in seen:
            seen.add(directory)
            yield directory
    yield Path.cwd()
