"""Text files as documents: whole, by paragraphs or by lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BufferedIOBase
from typing import Literal

from danlu.corpus.documents.text import cleaned, lines, paragraphs, tidy
from danlu.corpus.encodings import CONVERT_HINT, LINES_BY_BYTE, invalid_byte
from danlu.corpus.files import BadFileError
from danlu.corpus.reading.blocks import blocks, empty_line_from
from danlu.corpus.reading.row import TOO_LONG, Unreadable
from danlu.corpus.reading.table import Piece
from danlu.corpus.streams import opened

MOST_FILE_BYTES = 2**28
"""Of a file that is read at once."""


def texts_of(piece: Piece, documents: Literal["file", "paragraphs", "lines"]) -> Iterator[str | Unreadable]:
    """The tidy texts of a piece of a text file. Lines that are empty have a number, too, and are yielded.

    Raises:
        BadFileError: the file cannot be read from here on.
    """
    with opened(piece.file) as stream:
        if documents == "file":
            yield _tidy_whole(stream, piece)
            return
        if documents == "lines":
            yield from _lines(_stretches(stream, piece))
        else:
            piece = _between_empty_lines(stream, piece)
            yield from _paragraphs(_stretches(stream, piece), is_whole=not piece.start and piece.stop is None)


def _between_empty_lines(stream: BufferedIOBase, piece: Piece) -> Piece:
    """The piece from the first empty line in it to the first one behind it, so that no paragraph is cut."""
    if not piece.start and piece.stop is None:
        return piece
    end = piece.file.path.stat().st_size
    start, stop = (empty_line_from(stream, at or 0) for at in (piece.start, piece.stop))
    stream.seek(0)
    return replace(piece, start=end if start is None else start, stop=end if stop is None else stop)


def _tidy_whole(stream: BufferedIOBase, piece: Piece) -> str | Unreadable:
    whole = _whole(stream, piece)
    return whole if isinstance(whole, Unreadable) else tidy(whole)


def _whole(stream: BufferedIOBase, piece: Piece) -> str | Unreadable:
    data = stream.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        return Unreadable(f"the file has more than {MOST_FILE_BYTES // 2**20} MiB: cut it with 'documents'", "")
    return _decoded(data, piece, 0)


def _lines(stretches: Iterator[str | Unreadable]) -> Iterator[str | Unreadable]:
    for stretch in stretches:
        if isinstance(stretch, Unreadable):
            yield stretch
        else:
            yield from lines(cleaned(stretch))


def _paragraphs(stretches: Iterator[str | Unreadable], *, is_whole: bool) -> Iterator[str | Unreadable]:
    """Of a whole file without a paragraph, an empty one."""
    held, found_any = "", not is_whole
    for stretch in stretches:
        if isinstance(stretch, Unreadable):
            yield stretch
            continue
        *found, held = paragraphs(held + cleaned(stretch))
        if len(held) > MOST_FILE_BYTES:
            found_any, held = True, ""
            yield Unreadable(f"a paragraph has more than {MOST_FILE_BYTES // 2**20} MiB", "")
        for paragraph in filter(None, found):
            found_any = True
            yield paragraph
    if held.strip() or not found_any:
        yield held.strip()


def _stretches(stream: BufferedIOBase, piece: Piece) -> Iterator[str | Unreadable]:
    """Text that ends with a line; all at once in encodings in which the end of a line cannot be seen byte by byte."""
    if piece.encoding not in LINES_BY_BYTE:
        yield _whole(stream, piece)
        return
    num_lines = 0
    for block in blocks(stream, piece.start, piece.stop):
        yield _decoded(block.data, piece, num_lines)
        num_lines += block.data.count(b"\n")
        if block.passed_over:
            yield Unreadable(TOO_LONG, "")


def _decoded(data: bytes, piece: Piece, num_lines_before: int) -> str:
    try:
        text = data.decode(piece.encoding)
    except UnicodeDecodeError as error:
        # In a stretch that begins somewhere in the file, nobody knows the number of the line.
        line = num_lines_before + data.count(b"\n", 0, error.start) + 1
        reason = invalid_byte(error, piece.encoding)
        raise BadFileError(piece.file.uri, reason, CONVERT_HINT, "" if piece.start else f"line {line}") from error
    if "\0" in text:
        raise BadFileError(piece.file.uri, "it holds bytes of zero, so it is no text", CONVERT_HINT)
    return text
