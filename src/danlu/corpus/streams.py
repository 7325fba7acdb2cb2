"""Files as streams of bytes, out of archives and unpacked on the way, whatever their size."""

from __future__ import annotations

import gzip
import io
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

from danlu.corpus.archives.stretch import Stretch
from danlu.corpus.archives.zips import open_packed
from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.packing import BUFFER_BYTES, UNPACKED, BombError, bounded
from danlu.corpus.reading.blocks import read_up_to

FETCH_HINT = "Fetch or make it again."
MOST_SPOOLED_BYTES = 2**33
"""Of what is unpacked into a file of its own, to be read back and forth."""


@contextmanager
def opened(file: SourceFile) -> Iterator[BufferedIOBase]:
    """The bytes of a file, unpacked if it is packed. What goes wrong while they are read is a `BadFileError`, too."""
    kind, unpack = UNPACKED.get(file.packing, ("zip" if file.member and file.member.zipped else "", lambda same: same))
    try:
        with _stored(file) as stored, unpack(stored) as stream:
            if file.is_packed:
                with bounded(stream, file.num_bytes) as unpacked:
                    yield unpacked
            else:
                yield stream
    except BombError as error:
        hint = "If it is sound, unpack it by hand, and name what it holds."
        raise BadFileError(file.uri, str(error), hint) from error
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        what = f"this is not a whole {kind} file ({_first_line(error)})" if kind else _first_line(error)
        raise BadFileError(file.uri, what, FETCH_HINT) from error
    except OSError as error:
        if kind and error.errno is None:  # the packing's, not the system's
            reason = f"this is not a whole {kind} file ({_first_line(error)})"
            raise BadFileError(file.uri, reason, FETCH_HINT) from error
        reason = f"it cannot be read ({error.strerror or _first_line(error)})"
        raise BadFileError(file.uri, reason, "Check its permissions.") from error


def _stored(file: SourceFile) -> BufferedIOBase:
    """The bytes of a file as they are where it lies: on the disk, or in an archive."""
    if file.member is None:
        return cast(BufferedIOBase, file.path.open("rb", BUFFER_BYTES))
    if file.member.zipped is not None:
        return open_packed(file.path, file.member)
    archive = file.path.open("rb", 0)
    return io.BufferedReader(Stretch(cast(Any, archive), file.member.start, file.member.num_bytes), BUFFER_BYTES)


def chunks(file: SourceFile) -> Iterator[bytes]:
    """The bytes of a file, unpacked, some at a time; of a damaged one, those before the damage, and then the error."""
    with opened(file) as stream:
        while data := read_up_to(stream, BUFFER_BYTES):
            yield data


@contextmanager
def read_anywhere(file: SourceFile) -> Iterator[Path | BufferedIOBase]:
    """A file that is read back and forth: its path, its bytes in an archive, or what it unpacks to, for a while.

    Raises:
        BadFileError: it unpacks to more than `MOST_SPOOLED_BYTES`, or is damaged.
    """
    if not file.is_packed:
        if file.member is None:
            yield file.path
            return
        with opened(file) as stream:
            yield stream
        return
    with tempfile.NamedTemporaryFile() as spool:
        for data in chunks(file):
            if spool.tell() + len(data) > MOST_SPOOLED_BYTES:
                reason = f"it unpacks to more than {MOST_SPOOLED_BYTES // 2**30} GiB"
                raise BadFileError(file.uri, reason, "Unpack it by hand, and name what it holds.")
            spool.write(data)
        spool.flush()
        yield Path(spool.name)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
