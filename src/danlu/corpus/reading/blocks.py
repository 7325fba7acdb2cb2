"""A stream cut into blocks of whole lines, from any byte to any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

from danlu.corpus.packing import DAMAGE

BLOCK_BYTES = 2**20
MOST_LINE_BYTES = 2**26
"""A longer line is passed over."""


@dataclass(frozen=True)
class Block:
    """Some lines."""

    data: bytes
    """Whole lines; after the last one of the stream there need not be a line feed."""
    passed_over: bool = False
    """Whether a line behind these was longer than `MOST_LINE_BYTES`, and is not there."""


def blocks(stream: BufferedIOBase, start: int = 0, stop: int | None = None) -> Iterator[Block]:
    """The lines whose first byte is in a stretch of a stream.

    Args:
        stream: If `start` is not 0, one that can be sought in.
        start: First byte of the stretch.
        stop: Behind its last byte; None for the end of the stream.
    """
    position = start
    if start:
        stream.seek(start - 1)
        position = start - 1 + _skip_line(stream)
    while stop is None or position < stop:
        size = BLOCK_BYTES if stop is None else min(BLOCK_BYTES, stop - position)
        data = read_up_to(stream, size)
        if not data:
            return
        passed_over = False
        position += len(data)
        if not data.endswith(b"\n"):
            try:
                rest = stream.readline(MOST_LINE_BYTES)
            except DAMAGE:
                if whole := data[: data.rfind(b"\n") + 1]:
                    yield Block(whole)
                raise
            position += len(rest)
            if len(rest) == MOST_LINE_BYTES and not rest.endswith(b"\n"):
                position += _skip_line(stream)
                data, rest, passed_over = data[: data.rfind(b"\n") + 1], b"", True
            data += rest
        yield Block(data, passed_over)


def empty_line_from(stream: BufferedIOBase, position: int) -> int | None:
    """Where the first empty line begins at or behind a position of a stream that can be sought in; None if there is
    none. A line with a blank in it is not empty."""
    if not position:
        return 0
    stream.seek(position - 1)
    position += _skip_line(stream) - 1
    while line := stream.readline(BLOCK_BYTES):
        if line in (b"\n", b"\r\n"):
            return position
        position += len(line)
        if not line.endswith(b"\n"):
            position += _skip_line(stream)
    return None


def read_up_to(stream: BufferedIOBase, size: int) -> bytes:
    """Up to `size` bytes. Of a damaged file what comes before the damage; the next call says what is wrong."""
    parts: list[bytes] = []
    missing = size
    try:
        while missing and (part := stream.read1(missing)):
            parts.append(part)
            missing -= len(part)
    except DAMAGE:
        if not parts:
            raise
    return b"".join(parts)


def _skip_line(stream: BufferedIOBase) -> int:
    """Go behind the next line feed; returns how many bytes that was."""
    skipped = 0
    while part := stream.readline(BLOCK_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
