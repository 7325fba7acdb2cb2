"""Files of sources: which there are. What a file means is none of this module's business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from danlu.artifacts.stage import Source
from danlu.corpus.packing import suffixes
from danlu.errors import UserError


class BadFileError(UserError):
    """A file that cannot be read as what its suffix says it is.

    Args:
        name: What messages call the file.
        reason: What is wrong; files with the same reason can be counted together.
        hint: What to do about it.
        place: Where in the file, for example "line 3".
    """

    def __init__(self, name: str, reason: str, hint: str, place: str = "") -> None:
        super().__init__(f"{name}{', ' if place else ''}{place}: {reason}.", hint)
        self.name = name
        self.reason = reason
        self.place = place

    def __reduce__(self) -> tuple[type[BadFileError], tuple[str, ...]]:
        return type(self), (self.name, self.reason, self.hint, self.place)


IN_ARCHIVE = "!/"
"""In URIs, between an archive and the path in it."""


@dataclass(frozen=True, slots=True)
class Zipped:
    """What a zip archive says of a member that it packs."""

    method: int
    """Number of the way in which it is packed."""
    unpacked_bytes: int
    crc: int


@dataclass(frozen=True, slots=True)
class Member:
    """Where a file lies in an archive."""

    name: str
    """Its path in the archive, with slashes."""
    start: int
    """Its first byte; in a zip archive, of its header."""
    num_bytes: int
    """As it lies there."""
    zipped: Zipped | None = None
    """None: it lies there as it is."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: on the disk, or in an archive there."""

    path: Path
    """Of the file, or of the archive."""
    uri: str
    """What messages and artifacts call it: ``.../archive.zip!/inner/name.txt`` in an archive."""
    relative: str | None
    """Its path below the directory or in the archive that the source names, with slashes; None if the source names
    the file itself."""
    member: Member | None = None
    """Where in the archive it lies; None if it is no part of one."""

    @property
    def name(self) -> str:
        return self.member.name if self.member else self.path.name

    @property
    def suffix(self) -> str:
        """The suffix that says what the file holds, in lower case; that of packing does not count."""
        return suffixes(self.name)[0]

    @property
    def packing(self) -> str:
        """The last suffix if it says that the file is packed, in lower case; else empty."""
        return suffixes(self.name)[1]

    @property
    def is_packed(self) -> bool:
        """Whether its bytes can only be had from the first one on."""
        return bool(self.packing or (self.member and self.member.zipped))

    @property
    def num_bytes(self) -> int:
        """As it lies on the disk."""
        return self.member.num_bytes if self.member else self.path.stat().st_size


def list_files(source: Source) -> list[SourceFile]:
    """The file that a source names, or all files below the directory it names, in order of their names.

    Raises:
        UserError: there is no such file or directory.
    """
    path, uri = source.path, source.record.uri
    if path.is_file():
        return [SourceFile(path, uri, None)]
    if not path.is_dir():
        raise UserError(f"{path} is neither a file nor a directory.", "Check the path under 'from'.")
    found = []
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        relative = file.relative_to(path).as_posix()
        found.append(SourceFile(file, f"{uri.rstrip('/')}/{relative}", relative))
    return found
