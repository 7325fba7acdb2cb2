"""Zip archives from strangers, read without trusting what they say of themselves. Nothing is written to the disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import IO, BinaryIO

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.read_document import FETCH_HINT

MAX_MEMBER_BYTES = 256 * 2**20
"""Of one member, unpacked."""
MAX_RATIO = 250
"""Of unpacked to packed bytes, for members of more than `RATIO_COUNTS_FROM`. XML of office programs reaches 60."""
RATIO_COUNTS_FROM = 8 * 2**20
MAX_MEMBERS = 50_000


class BombError(Exception):
    """A member unpacks to more than it should."""


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
    return io.BufferedReader(_Bounded(archive.open(info), info.compress_size))


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """All of a member. Raises as `open_member`, and `MEMBER_ERRORS` for what is damaged."""
    with open_member(archive, member) as stream:
        return stream.read()


MEMBER_ERRORS = (BombError, KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)
"""What reading a member may raise."""


def reason(error: Exception) -> str:
    """One of `MEMBER_ERRORS` in words."""
    if isinstance(error, KeyError):
        return "the archive lacks it"
    return f"it is damaged ({error})" if not isinstance(error, BombError) else str(error)


class _Bounded(io.RawIOBase):
    """Counts what is unpacked; the sizes in the archive's directory may lie."""

    def __init__(self, stream: IO[bytes], packed: int) -> None:
        self._stream = stream
        self._packed = max(packed, 1)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._count += len(data)
        if self._count > MAX_MEMBER_BYTES:
            raise BombError(f"it unpacks to more than {MAX_MEMBER_BYTES:,} bytes")
        if self._count > RATIO_COUNTS_FROM and self._count > MAX_RATIO * self._packed:
            raise BombError(f"it unpacks to more than {MAX_RATIO} times its size")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
