"""A checkpoint on the disk: a directory that is whole or is not there.

It is written aside, every file hashed on its way and synced, ``complete.json`` with the SHA-256 of each file last, and
then renamed into place. A reader believes the hashes only.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from danlu.artifacts.store import hash_file, sync_directory

MARKER = "complete.json"

PIECE_BYTES = 2**24
"""Written and hashed at a time. Both let other threads of the interpreter run."""

SPARE_BYTES = 2**16
"""More than the files' own size that must be free, for directories and the marker."""


def write_checkpoint(target: Path, files: Mapping[str, memoryview]) -> None:
    """Write `files` into the directory `target`, replacing one that is there.

    Raises:
        OSError: it could not be written, for want of room for example; nothing remains of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _require_room(target.parent, sum(content.nbytes for content in files.values()) + SPARE_BYTES)
    partial = target.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        hashes = {name: _write_synced(partial / name, content) for name, content in files.items()}
        _write_synced(partial / MARKER, memoryview(json.dumps(hashes).encode()))
        sync_directory(partial)
        if target.exists():
            remove_checkpoint(target)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_directory(target.parent)


def damage(path: Path) -> str | None:
    """Why the checkpoint is not whole, or None if every hash is right."""
    try:
        hashes = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return "it was not completed"
    for name, sha256 in hashes.items():
        if not (path / name).is_file() or hash_file(path / name) != sha256:
            return f"{name} is damaged"
    return None


def remove_checkpoint(path: Path) -> None:
    """Take one away: renamed first, so that none is ever seen half deleted."""
    doomed = path.with_name(f".removed-{path.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    path.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def clear_abandoned(directory: Path) -> None:
    """Take away what a killed process left half written or half deleted. No other may be writing."""
    for pattern in (".partial-*", ".removed-*"):
        for path in directory.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


def checkpoints_in(*directories: Path) -> dict[int, Path]:
    """Where the checkpoints lie, whole or not, by their steps, newest first."""
    paths = [path for directory in directories for path in directory.glob("step-*")]
    found = {int(match.group(1)): path for path in paths if (match := re.fullmatch(r"step-(\d+)", path.name))}
    return dict(sorted(found.items(), reverse=True))


def _write_synced(path: Path, content: memoryview) -> str:
    """Write a file through to the disk, in pieces; returns its SHA-256 in hex."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, len(content), PIECE_BYTES):
            piece = content[start : start + PIECE_BYTES]
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _require_room(directory: Path, num_bytes: int) -> None:
    """Fail before the disk is full rather than when it is, since others need a little of it meanwhile."""
    free = shutil.disk_usage(directory).free
    if num_bytes > free:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({num_bytes:,} bytes needed, {free:,} free)")
