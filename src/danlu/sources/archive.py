"""Members of a wheel, source archive or npm package, taken out without trusting a single name in it.

Only regular files are ever written, and never through a link: a link in a tar archive is looked up among the archive's
own members and replaced by a copy, so that it cannot lead out. Names that are absolute or climb out are refused, and so
is an archive that unpacks to far more than it can honestly hold.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from typing import IO

from danlu.errors import UserError
from danlu.sources.disk import check_space
from danlu.sources.errors import MemberMissingError, first_line
from danlu.telemetry.reporter import Reporter, Task

MAX_EXPANSION = 200
"""Unpacked bytes per archive byte beyond which an archive of more than `ALWAYS_ALLOWED_BYTES` is refused."""
ALWAYS_ALLOWED_BYTES = 2**30
CHUNK_BYTES = 2**20

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # encrypted zip members, links in a circle
    NotImplementedError,  # unknown compression
    UnicodeDecodeError,
)


@dataclass(frozen=True)
class Member:
    """Something in an archive that is not a folder."""

    name: str
    num_bytes: int
    open: Callable[[], IO[bytes] | None]
    """None if it is neither a regular file nor a link to one in the archive."""


def extract(
    archive: Path, member: str | None, directory: Path, *, whole_name: str, strip_top: bool, reporter: Reporter
) -> Path:
    """Take one file, one folder or everything out of a zip or (compressed) tar archive.

    Args:
        archive: The archive.
        member: POSIX path in it; None for everything.
        directory: An existing directory to write to.
        whole_name: Name of the directory made when everything is taken.
        strip_top: The archive holds one folder that is not counted as part of the path.
        reporter: Told of the progress, and of links that lead nowhere.

    Returns:
        The file or directory, inside `directory`.

    Raises:
        MemberMissingError: the archive does not hold `member`.
        UserError: the archive is damaged, unsafe or oversized, or does not fit on the disk.
    """
    try:
        with _open_members(archive) as members:
            named = _strip_top(members) if strip_top else {entry.name: entry for entry in members}
            chosen = _choose(named, member, archive.name)
            num_bytes = sum(entry.num_bytes for entry in chosen.values())
            _check_size(archive, num_bytes)
            check_space(directory, num_bytes, f"Unpacking {archive.name}")
            target = directory / (PurePosixPath(member).name if member else whole_name)
            with reporter.progress(f"Unpacking {archive.name}", num_bytes, "bytes") as task:
                for name, entry in chosen.items():
                    _write(entry, target / name if name else target, reporter, task)
            if not target.exists():
                raise MemberMissingError(
                    f"{archive.name} has no regular file at {member or '/'!r}.", "Name a regular file in it."
                )
            return target
    except _DAMAGE as error:
        raise UserError(
            f"The archive {archive.name} cannot be unpacked: {first_line(error)}.",
            "It was made by its publisher; name another version or another source.",
        ) from error


@contextmanager
def _open_members(archive: Path) -> Iterator[list[Member]]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as zipped:
            yield [_zip_member(zipped, info) for info in zipped.infolist() if not info.is_dir()]
    else:
        with tarfile.open(archive) as tar:
            yield [_tar_member(tar, info) for info in tar.getmembers() if not info.isdir()]


def _zip_member(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    def open_member() -> IO[bytes] | None:
        # A link in a zip is a file that holds the name of its target.
        return None if S_ISLNK(info.external_attr >> 16) else zipped.open(info)

    return Member(info.filename, info.file_size, open_member)


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def open_member() -> IO[bytes] | None:
        try:
            return tar.extractfile(info)
        except KeyError:
            return None

    return Member(info.name, info.size, open_member)


def _strip_top(members: list[Member]) -> dict[str, Member]:
    """Names without the first folder, where all members share it."""
    tops = {entry.name.removeprefix("./").partition("/")[0] for entry in members}
    if len(tops) != 1:
        return {entry.name: entry for entry in members}
    return {entry.name.removeprefix("./").partition("/")[2]: entry for entry in members}


def _choose(named: dict[str, Member], member: str | None, archive: str) -> dict[str, Member]:
    """Members to write, by path below the target; the empty path is the target itself."""
    if member is None:
        chosen = dict(named)
    elif member in named:
        return {"": named[member]}
    else:
        chosen = {
            name.removeprefix(member + "/"): entry for name, entry in named.items() if name.startswith(member + "/")
        }
    if not chosen:
        raise MemberMissingError(f"{archive} has no {member!r}.", nearest(member or "", list(named)))
    for name in chosen:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in parts[0]:
            raise UserError(f"{archive} has a member with the unsafe name {name!r}.", "Do not use this archive.")
    return chosen


def nearest(path: str, known: list[str]) -> str:
    """A hint naming up to three of `known` that look like `path`, those with the same file name first."""
    name = PurePosixPath(path).name
    same_name = [other for other in known if PurePosixPath(other).name == name]
    # Comparing with everything would take minutes in archives with 10^5 members.
    close = (same_name + get_close_matches(path, known[:20_000], n=3, cutoff=0.6))[:3]
    if close:
        return "Did you mean " + " or ".join(repr(other) for other in dict.fromkeys(close)) + "?"
    tops = sorted({other.partition("/")[0] for other in known})
    return "At its top it has: " + ", ".join(tops[:20]) + (", ..." if len(tops) > 20 else ".")


def _check_size(archive: Path, num_bytes: int) -> None:
    if num_bytes > max(ALWAYS_ALLOWED_BYTES, MAX_EXPANSION * archive.stat().st_size):
        raise UserError(
            f"{archive.name} ({archive.stat().st_size} bytes) would unpack to {num_bytes} bytes.",
            f"More than {MAX_EXPANSION} times its size is taken for an attack. Unpack it by hand and use file:PATH.",
        )


def _write(entry: Member, target: Path, reporter: Reporter, task: Task) -> None:
    source = entry.open()
    if source is None:
        reporter.warn(f"{entry.name} is neither a file nor a link to one in its archive, and is left out.")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        while chunk := source.read(CHUNK_BYTES):
            file.write(chunk)
            task.advance(len(chunk))
