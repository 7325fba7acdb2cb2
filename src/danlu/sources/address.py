"""What a source URI says, taken apart; and what a module must offer to be the home of one scheme."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from danlu.errors import UserError
from danlu.sources.cache import Cache
from danlu.telemetry.reporter import Reporter


@dataclass(frozen=True)
class Address:
    """A source URI, checked and taken apart."""

    uri: str
    """As the user wrote it."""
    scheme: str
    name: str
    """Package, repository, URL or local path."""
    version: str | None = None
    """Version or revision, where one was given."""
    member: str | None = None
    """POSIX path inside the package or repository; None for the whole of it."""

    @property
    def pinned(self) -> bool:
        """True if the URI can only ever mean the same bytes."""
        if self.scheme in ("pypi", "npm"):
            return True
        return self.scheme == "hf" and re.fullmatch(r"[0-9a-f]{40}", self.version or "") is not None


class Downloader(Protocol):
    """A module that fetches the URIs of one scheme."""

    FORM: str
    """How such a URI is written."""
    RESUMABLE: bool
    """True if what an interrupted download left in its directory is used by the next."""

    def parse(self, uri: str) -> Address:
        """Take a URI apart without touching the network.

        Raises:
            UserError: the URI is malformed.
        """
        ...

    def download(self, address: Address, directory: Path, cache: Cache, reporter: Reporter) -> Path:
        """Fetch into `directory` and return the file or directory in it that was asked for.

        Raises:
            SourceUnavailableError: it cannot be had from there.
            UserError: the address is wrong, or what came is unfit.
        """
        ...


def split_member(uri: str, form: str) -> tuple[str, str | None]:
    """What stands between ``scheme:`` and ``#``, and the path behind it (None if there is none).

    Raises:
        UserError: the path is empty, absolute, or climbs out with ``..``.
    """
    rest, mark, member = uri.partition(":")[2].partition("#")
    if not mark:
        return rest, None
    if "\0" in member or any(part in ("", ".", "..") for part in member.removesuffix("/").split("/")):
        raise UserError(
            f"The path {member!r} in {uri!r} is not a path inside it.",
            f"Write a relative path without '..', as in {form}.",
        )
    return rest, member.removesuffix("/")
