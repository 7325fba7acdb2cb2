"""Files as streams of bytes, unpacked on the way, whatever their size."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

from danlu.corpus.files import BadFileError

BUFFER_BYTES = 2**20


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


@contextmanager
def opened(path: Path, name: str) -> Iterator[BufferedIOBase]:
    """The bytes of a file, unpacked if it is packed. What goes wrong while they are read is a `BadFileError`, too.

    Args:
        path: Of the file.
        name: What messages call it.
    """
    kind, unpack = UNPACKED.get(path.suffix.lower(), ("", lambda file: file))
    try:
        with path.open("rb", BUFFER_BYTES) as file, unpack(file) as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise BadFileError(name, f"this is not a whole {kind} file ({error})", "Fetch or make it again.") from error
    except OSError as error:
        if kind and error.errno is None:  # the packing's, not the system's
            reason = f"this is not a whole {kind} file ({_first_line(error)})"
            raise BadFileError(name, reason, "Fetch or make it again.") from error
        reason = f"it cannot be read ({error.strerror or _first_line(error)})"
        raise BadFileError(name, reason, "Check its permissions.") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
