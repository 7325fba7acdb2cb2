"""Tar archives: which files they hold. What is in one lies there as it is."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from danlu.corpus.archives.entry import MAX_MEMBERS, ArchiveError, Entry, decoded, unsafe
from danlu.corpus.archives.stretch import Careful
from danlu.corpus.files import Member
from danlu.corpus.packing import BUFFER_BYTES

MOST_HEADER_BYTES = 2**20


def list_tar(path: Path) -> Iterator[Entry]:
    """The files in an archive that is not packed, in their order.

    Raises:
        ArchiveError: there are no more, though there should be.
    """
    with path.open("rb", BUFFER_BYTES) as file:
        careful = cast(Any, Careful(file, MOST_HEADER_BYTES))
        try:
            with tarfile.open(fileobj=careful, mode="r:", errors="surrogateescape", encoding="utf-8") as archive:
                number = 0
                while (info := archive.next()) is not None:
                    if number == MAX_MEMBERS:
                        raise ArchiveError(f"it holds more than {MAX_MEMBERS:,} files")
                    number += 1
                    cast(Any, archive).members = []  # which would hold all of them
                    if not info.isdir():
                        yield _entry(info)
                _check_end(file, archive.offset)
        except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
            raise ArchiveError(f"this is not a whole tar archive ({str(error).rstrip('.')})") from error


def _check_end(file: BinaryIO, place: int) -> None:
    """
    Raises:
        ArchiveError: what stands behind the last member is not the end of an archive; tarfile does not mind.
    """
    file.seek(place)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise ArchiveError("this is not a whole tar archive (it ends without an end mark)")
    if block.strip(b"\0"):
        raise ArchiveError("this is not a whole tar archive (a header is damaged)")


def _entry(info: tarfile.TarInfo) -> Entry:
    name = decoded(info.name.encode("utf-8", "surrogateescape"))
    if problem := unsafe(name):
        pass
    elif info.issym() or info.islnk():
        problem = "it is a link"
    elif info.issparse():
        problem = "it is stored with holes (sparse)"
    elif not info.isreg():
        problem = "it is no regular file"
    if problem:
        return Entry(name, problem=problem)
    return Entry(name, Member(name, info.offset_data, info.size))
