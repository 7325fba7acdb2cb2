"""Some bytes of a file as a file of their own."""

from __future__ import annotations

import io
from typing import BinaryIO


class Stretch(io.RawIOBase):
    """Bytes of a file, from one place to another. Closing it closes the file.

    Args:
        file: It is in.
        start: Its first byte.
        size: In bytes.

    Reading raises EOFError where the file ends before it does.
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), max(0, self._size - self._at))
        if not wanted:
            return 0
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        if not data:
            raise EOFError("the archive ends in the middle of it")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class Careful:
    """A file for libraries that read headers: as much at once as a header of a bad archive says, if they are let.

    Args:
        file: With seek.
        most: Bytes that may be read at once.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """
        Raises:
            ValueError: that is more than may be read.
        """
        data = self._file.read(min(size, self._most + 1) if size >= 0 else self._most + 1)
        if len(data) > self._most:
            raise ValueError(f"a header or list of more than {self._most // 2**20} MiB")
        return data
