"""Files of sources: which there are. What a file means is none of this module's business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from danlu.artifacts.stage import Source
from danlu.errors import UserError

PACKED = (".gz", ".zst", ".bz2", ".xz")
"""Suffixes of packed files; what they hold is said by the suffix before."""


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


@dataclass(frozen=True)
class SourceFile:
    """One file of a source."""

    path: Path
    uri: str
    """What messages and artifacts call it."""
    relative: str | None
    """Its path below the directory that the source names, with slashes; None if the source names the file itself."""

    @property
    def suffix(self) -> str:
        """The suffix that says what the file holds, in lower case; that of packing does not count."""
        path = self.path.with_suffix("") if self.is_packed else self.path
        return path.suffix.lower()

    @property
    def is_packed(self) -> bool:
        return self.path.suffix.lower() in PACKED


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
