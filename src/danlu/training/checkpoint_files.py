"""A checkpoint on the disk: a directory that is whole or is not there.

It is written aside, every file hashed on its way and synced, ``complete.json`` with the SHA-256 of each file last, and
then renamed into place. A reader believes the hashes only. Several ranks write their own files, each then its hashes;
the first waits for the hashes of all and does the rest.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from danlu.artifacts.store import hash_file, sync_directory

MARKER = "complete.json"

PIECE_BYTES = 2**24
"""Written and hashed at a time. Both let other threads of the interpreter run."""

OTHERS_SECONDS = 600
"""So long the first rank waits for another to write its files."""

SPARE_BYTES = 2**16
"""More than the files' own size that must be free, for directories and the marker."""


def write_checkpoint(target: Path, files: Mapping[str, memoryview], rank: int = 0, num_ranks: int = 1) -> None:
    """Write `files` into the directory `target`, replacing one that is there.

    Args:
        target: The same for all ranks.
        files: Of this rank.
        rank: Which of them this is. The first returns when all have written.
        num_ranks: How many write.

    Raises:
        OSError: it could not be written, for want of room for example; nothing remains of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".partial-{target.name}")
    if num_ranks == 1:
        shutil.rmtree(partial, ignore_errors=True)
    try:
        _require_room(target.parent, sum(content.nbytes for content in files.values()) + SPARE_BYTES)
        partial.mkdir(exist_ok=True)
        hashes = {name: _write_synced(partial / name, content) for name, content in files.items()}
        if rank > 0:
            _say(partial, rank, {"hashes": hashes})
            return
        for other in range(1, num_ranks):
            hashes |= _hashes_of(partial, other)
        for other in range(1, num_ranks):
            (partial / _note(other)).unlink()
        _write_synced(partial / MARKER, memoryview(json.dumps(hashes).encode()))
        sync_directory(partial)
        if target.exists():
            remove_checkpoint(target)
        partial.rename(target)
    except BaseException as error:
        if rank > 0:
            with suppress(OSError):
                _say(partial, rank, {"problem": str(error)})
        else:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_directory(target.parent)


def _note(rank: int) -> str:
    """The file in which a rank says how its writing went."""
    return f"rank-{rank}.json"


def _say(partial: Path, rank: int, note: Mapping[str, Any]) -> None:
    aside = partial / f".{_note(rank)}"
    _write_synced(aside, memoryview(json.dumps(note).encode()))
    aside.rename(partial / _note(rank))


def _hashes_of(partial: Path, rank: int) -> dict[str, str]:
    """By name, of the files that another rank writes, once it has."""
    path, patience = partial / _note(rank), time.monotonic() + OTHERS_SECONDS
    while not path.exists():
        if time.monotonic() > patience:
            raise OSError(errno.ETIMEDOUT, f"rank {rank} has written nothing for {OTHERS_SECONDS} seconds")
        time.sleep(0.01)
    note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "problem" in note:
        raise OSError(errno.EIO, f"rank {rank}: {note['problem']}")
    hashes: dict[str, str] = note["hashes"]
    return hashes


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
