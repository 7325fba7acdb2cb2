"""Zip archives that are one document (DOCX, EPUB), read without trusting what they say of themselves."""

from __future__ import annotations

import zipfile
from io import BufferedIOBase
from typing import IO, BinaryIO, cast

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.read_document import FETCH_HINT
from danlu.corpus.packing import DAMAGE, BombError, bounded

MAX_MEMBER_BYTES = 256 * 2**20
"""Of one member, unpacked."""
MAX_MEMBERS = 50_000


def open_zip(stream: BinaryIO, name: str, what: str) -> zipfile.ZipFile:
    """An archive, of which only the directory has been read.

    Args:
        stream: With seek.
        name: What messages call the file.
        what: What it should be, for messages, such as "a DOCX file".

    Raises:
        BadFileError: it is no zip archive, is cut off, or has too many members.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadFileError(name, f"this is not a whole zip archive, so not {what} ({error})", FETCH_HINT) from error
    if len(archive.namelist()) > MAX_MEMBERS:
        raise BadFileError(name, f"it holds more than {MAX_MEMBERS:,} files", f"Check that this is {what}.")
    return archive


def open_member(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    """A member as a stream that raises `BombError` before it grows without bounds; `KeyError` if there is none."""
    info = archive.getinfo(member)
    if info.flag_bits & 1:
        raise zipfile.BadZipFile(f"{member} is encrypted")
    return bounded(cast(BufferedIOBase, archive.open(info)), info.compress_size, MAX_MEMBER_BYTES)


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """All of a member. Raises as `open_member`, and `MEMBER_ERRORS` for what is damaged."""
    with open_member(archive, member) as stream:
        return stream.read()


MEMBER_ERRORS = (*DAMAGE, KeyError, NotImplementedError)
"""What reading a member may raise."""


def reason(error: Exception) -> str:
    """One of `MEMBER_ERRORS` in words."""
    if isinstance(error, KeyError):
        return "the archive lacks it"
    return f"it is damaged ({error})" if not isinstance(error, BombError) else str(error)
