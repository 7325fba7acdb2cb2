"""Archives replaced by the files that they hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from danlu.corpus.archives.entry import ArchiveError, Entry
from danlu.corpus.archives.tars import list_tar
from danlu.corpus.archives.zips import list_zip
from danlu.corpus.files import IN_ARCHIVE, BadFileError, SourceFile
from danlu.corpus.streams import chunks

ARCHIVES: dict[str, Callable[[Path], Iterator[Entry]]] = {".zip": list_zip, ".tar": list_tar}
"""By suffix: what lists the files in one."""
HINT = "Unpack the archive by hand, and name the directory."
SCRATCH = "archives"
"""Of a stage, where packed tar archives lie while it runs."""
DAMAGE_HINT = "What is whole is read. Fetch or make it again for the rest."


@dataclass
class Listing:
    """Files, and what cannot be one."""

    files: list[SourceFile] = field(default_factory=list)
    bad_files: list[BadFileError] = field(default_factory=list)


@contextmanager
def scratch_directory(directory: Path) -> Iterator[Path]:
    """A directory that is empty now, and gone afterwards."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def is_archive(file: SourceFile) -> bool:
    return file.suffix in ARCHIVES


def with_members(files: Iterable[SourceFile], scratch: Path) -> Listing:
    """The same files in the same order, with those that archives hold in the place of archives.

    Args:
        files: Archives and others.
        scratch: An existing directory. Packed tar archives are unpacked there as they are, as one file, since what is
            in them can only be had from the first byte on; none of their names is used.
    """
    listing = Listing()
    for number, file in enumerate(files):
        if is_archive(file):
            _add_members(file, scratch / f"{number}.tar", listing)
        else:
            listing.files.append(file)
    return listing


def _add_members(archive: SourceFile, scratch: Path, listing: Listing) -> None:
    path, problem = archive.path, None
    if archive.packing:
        path, problem = scratch, _unpack(archive, scratch)
    entries: dict[str, Entry] = {}
    try:
        for entry in ARCHIVES[archive.suffix](path):
            if entry.name in entries:
                reason = "a later file in the archive has the same name"
                listing.bad_files.append(BadFileError(f"{archive.uri}{IN_ARCHIVE}{entry.name}", reason, HINT))
                del entries[entry.name]
            entries[entry.name] = entry
    except ArchiveError as error:
        problem = problem or BadFileError(archive.uri, str(error), DAMAGE_HINT)
    except OSError as error:
        problem = BadFileError(archive.uri, f"it cannot be read ({error.strerror})", "Check its permissions.")
    if not entries and problem is None:
        problem = BadFileError(archive.uri, "the archive holds no files", "Leave it out, or look what happened to it.")
    for entry in entries.values():
        _add(archive, path, entry, listing)
    if problem is not None:
        listing.bad_files.append(problem)


def _unpack(archive: SourceFile, target: Path) -> BadFileError | None:
    """Take the packing off, as far as it goes; says what is wrong behind that."""
    try:
        with target.open("wb") as out:
            for data in chunks(archive):
                out.write(data)
    except BadFileError as error:
        return error
    return None


def _add(archive: SourceFile, path: Path, entry: Entry, listing: Listing) -> None:
    uri = f"{archive.uri}{IN_ARCHIVE}{entry.name}"
    relative = entry.name if archive.relative is None else f"{archive.relative}{IN_ARCHIVE}{entry.name}"
    file = SourceFile(path, uri, relative, entry.member)
    problem = entry.problem
    if not problem and is_archive(file):
        problem = "it is an archive in an archive"
    if problem:
        listing.bad_files.append(BadFileError(uri, problem, HINT))
    else:
        listing.files.append(file)
