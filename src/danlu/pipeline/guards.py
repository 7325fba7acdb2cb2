"""What may go wrong around a run: another run of the same name, and a disk that fills up."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from danlu.errors import UserError
from danlu.pipeline.format import format_bytes
from danlu.settings import Workspace


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Hold the run's directory for this process. The system lets go of the lock however the process ends.

    Raises:
        UserError: another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            raise UserError(
                f"The run {directory.name!r} is already going on in this workspace (process {holder}).",
                f"Watch it with: danlu status {directory.name}",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def is_held(directory: Path) -> bool:
    """Whether a process is running in this run's directory now."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def explained_full_disk(workspace: Workspace) -> Iterator[None]:
    """Turn "no space left on device", from whatever library, into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not is_full_disk(error):
            raise
        raise UserError(
            f"The disk is full: {workspace.root} has {format_bytes(shutil.disk_usage(workspace.root).free)} free.",
            "Free some space and run again; finished stages are kept. See what is needed with: danlu plan",
        ) from error


def is_full_disk(error: BaseException | None) -> bool:
    """Whether this error, or one it came from, means that the disk (or the user's share of it) is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        # Rust libraries (safetensors, tokenizers) raise exceptions of their own that carry the text only.
        if "No space left on device" in str(error) or "os error 28" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
