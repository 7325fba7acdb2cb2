"""A full disk, foreseen or explained."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from danlu.sources.errors import DiskFullError

CACHE_ELSEWHERE = "Free some space there, or put the cache on another disk with DANLU_CACHE=DIR."


def show_bytes(num_bytes: float) -> str:
    """For people: ``92.9 MB`` (1 MB = 10^6 bytes)."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}" if unit == "bytes" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


def check_space(directory: Path, num_bytes: int, what: str) -> None:
    """Refuse before anything is written that cannot fit.

    Args:
        directory: Where it will be written.
        num_bytes: How many bytes will be written.
        what: What they are, for the message.

    Raises:
        DiskFullError: fewer bytes are free.
    """
    free = shutil.disk_usage(directory).free
    if num_bytes > free:
        raise DiskFullError(
            f"{what} needs {num_bytes} bytes, but {directory} has only {free} bytes free.", CACHE_ELSEWHERE
        )


def is_full(error: BaseException) -> bool:
    """True for the error of a disk (or quota) that has no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def explain_full_disk(directory: Path, what: str) -> Iterator[None]:
    """Turn the error of a disk that fills up while `directory` is written into a `DiskFullError`."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        written = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        free = shutil.disk_usage(directory).free
        raise DiskFullError(
            f"The disk is full: {written} bytes of {what} were written to {directory}, {free} bytes are free.",
            CACHE_ELSEWHERE,
        ) from error
