"""What is found in an archive."""

from __future__ import annotations

import re
from dataclasses import dataclass

from danlu.corpus.files import Member

MAX_MEMBERS = 1_000_000
"""Of an archive; more are not read."""
MAX_NAME = 1024
"""Characters."""


class ArchiveError(Exception):
    """An archive that cannot be read (on); the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in an archive that is no folder: a file that can be read, or the reason why it is not."""

    name: str
    member: Member | None = None
    problem: str = ""


def decoded(name: bytes) -> str:
    """A name in an archive that does not say, or not truly, how names are written.

    Archives made in Chinese Windows have them in GB 2312. Names of other languages are not taken for that, since two
    characters of theirs from its range (line drawing, Greek, signs) do not stand together.
    """
    for encoding in ("utf-8", "gb2312"):
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            pass
    return name.decode("cp437")


def unsafe(name: str) -> str:
    """Why a name is none that an honest archive would have; empty if it is sound."""
    if name.startswith(("/", "\\")) or re.match("[A-Za-z]:", name):
        return "its name in the archive is an absolute path"
    if ".." in re.split(r"[/\\]", name):
        return "its name in the archive leads out of it ('..')"
    if "\0" in name or len(name) > MAX_NAME:
        return "its name in the archive is none that a file could have"
    return ""
