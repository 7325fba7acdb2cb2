"""Packed files: what the last suffix of a name says of them, and their bytes unpacked without growing beyond bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import PurePosixPath
from typing import Any, cast

BUFFER_BYTES = 2**20
MAX_RATIO = 250
"""Of unpacked to packed bytes, from `RATIO_COUNTS_FROM` unpacked ones on. XML of office programs reaches 60."""
RATIO_COUNTS_FROM = 8 * 2**20


class BombError(Exception):
    """Something unpacks to more than it should."""


DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, BombError)
"""What reading something packed raises that is not whole, or not honest."""


def _gzip(file: BufferedIOBase) -> BufferedIOBase:
    return cast(BufferedIOBase, gzip.GzipFile(fileobj=cast(Any, file)))


def _bzip2(file: BufferedIOBase) -> BufferedIOBase:
    return cast(BufferedIOBase, bz2.BZ2File(cast(Any, file)))


def _xz(file: BufferedIOBase) -> BufferedIOBase:
    return cast(BufferedIOBase, lzma.LZMAFile(cast(Any, file)))


def _zstandard(file: BufferedIOBase) -> BufferedIOBase:
    import pyarrow as pa

    return io.BufferedReader(cast(Any, pa.CompressedInputStream(file, "zstd")), BUFFER_BYTES)


UNPACKED: dict[str, tuple[str, Callable[[BufferedIOBase], BufferedIOBase]]] = {
    ".gz": ("gzip", _gzip),
    ".zst": ("zstandard", _zstandard),
    ".bz2": ("bzip2", _bzip2),
    ".xz": ("xz", _xz),
}
"""By the last suffix of a packed file: what to call it, and its contents."""
SHORT = {".tgz": ".gz", ".tzst": ".zst", ".tbz2": ".bz2", ".txz": ".xz"}
"""One suffix for two: a tar archive, and how it is packed."""


def suffixes(name: str) -> tuple[str, str]:
    """What says what a file holds, and how it is packed (empty: it is not), both in lower case."""
    path = PurePosixPath(name.lower())
    if path.suffix in SHORT:
        return ".tar", SHORT[path.suffix]
    packing = path.suffix if path.suffix in UNPACKED else ""
    return (path.with_suffix("") if packing else path).suffix, packing


def bounded(stream: BufferedIOBase, packed: int, most: int | None = None) -> io.BufferedReader:
    """What is unpacked, as a stream that raises `BombError` before it grows without bounds.

    Args:
        stream: Of what is unpacked.
        packed: Bytes that it takes on the disk.
        most: Bytes that it may have at all; None: any number, as long as it takes so much on the disk.
    """
    return io.BufferedReader(_Bounded(stream, packed, most), BUFFER_BYTES)


class _Bounded(io.RawIOBase):
    """Counts what is unpacked; what an archive says of sizes may be a lie."""

    def __init__(self, stream: BufferedIOBase, packed: int, most: int | None) -> None:
        self._stream = stream
        self._packed = max(packed, 1)
        self._most = most
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read1(len(buffer))
        self._count += len(data)
        if self._most is not None and self._count > self._most:
            raise BombError(f"it unpacks to more than {self._most:,} bytes")
        if self._count > RATIO_COUNTS_FROM and self._count > MAX_RATIO * self._packed:
            raise BombError(f"it unpacks to more than {MAX_RATIO} times its size")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
