"""What can be read, by the suffix of the file; and how a stretch of it becomes rows or texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from danlu.corpus.encodings import JUDGED_BYTES, LINES_BY_BYTE, encoding_of
from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.packing import UNPACKED
from danlu.corpus.reading import json_rows, separated, tables
from danlu.corpus.reading.blocks import read_up_to
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.streams import opened

Kind = Literal[
    "text", "json", "json_lines", "csv", "tsv", "parquet", "arrow", "html", "pdf", "docx", "epub", "mail", "warc"
]

KINDS: dict[str, Kind] = {
    ".txt": "text",
    ".md": "text",
    ".rst": "text",
    ".json": "json",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".epub": "epub",
    ".eml": "mail",
    ".mbox": "mail",
    ".warc": "warc",
}
COLUMNAR = ("parquet", "arrow")
ROWS_TO_JUDGE_BY = 100
FORMATTED = ("html", "pdf", "docx", "epub", "mail", "warc")
"""Documents with a form of their own; see `danlu.corpus.formats`."""
ROWS = ("json", "json_lines", "csv", "tsv", *COLUMNAR)


@dataclass(frozen=True)
class Piece:
    """A file, or a stretch of one that can be read by itself."""

    file: SourceFile
    kind: Kind
    encoding: str
    num_bytes: int
    """As it lies on the disk; of some row groups, about."""
    start: int = 0
    """First byte; of Parquet, first row group."""
    stop: int | None = None
    """Behind the last one; None for the end."""


def piece_of(file: SourceFile) -> Piece:
    """A whole file, its kind and encoding judged by suffix and beginning.

    Raises:
        BadFileError: it cannot be read, or is of no kind that is known.
    """
    kind = KINDS.get(file.suffix)
    if kind is None:
        raise BadFileError(
            file.uri,
            f"files with the suffix {file.suffix + file.packing!r} cannot be read",
            f"Known are {', '.join(KINDS)}, each also with {', '.join(UNPACKED)}, and in .zip and .tar archives. "
            "Turn others into text first.",
        )
    with opened(file) as stream:
        beginning = b"" if kind in (*COLUMNAR, *FORMATTED) else read_up_to(stream, JUDGED_BYTES)
    num_bytes = file.num_bytes
    if kind in (*COLUMNAR, *FORMATTED):
        return Piece(file, kind, "", num_bytes)
    encoding = _encoding_of_rows(beginning, file.uri) if kind == "json_lines" else encoding_of(beginning, file.uri)
    if kind == "json" and json_rows.are_lines(beginning.decode(encoding, "replace")):
        kind = "json_lines"
    if kind == "json_lines" and encoding not in LINES_BY_BYTE:
        raise BadFileError(file.uri, f"JSON lines in {encoding.upper()} cannot be read", "Convert it to UTF-8.")
    return Piece(file, kind, encoding, num_bytes)


def _encoding_of_rows(beginning: bytes, name: str) -> str:
    """A row that is in no encoding is set aside by itself."""
    try:
        return encoding_of(beginning, name)
    except BadFileError:
        return "utf-8"


def divided(piece: Piece, size: int, texts_too: bool) -> list[Piece]:
    """The piece in stretches of about `size` bytes, where that can be.

    Args:
        piece: A whole file.
        size: In bytes.
        texts_too: Whether text files can be divided, since they hold many documents.
    """
    total = piece.num_bytes
    if piece.kind == "parquet" and not piece.file.is_packed:
        groups = tables.num_row_groups(piece.file)
        width = max(1, groups * size // max(total, 1))
        share = total // max(groups, 1) * width
        return [
            replace(piece, start=at, stop=min(at + width, groups), num_bytes=share) for at in range(0, groups, width)
        ] or [piece]
    is_lines = piece.kind == "json_lines" or (piece.kind == "text" and texts_too)
    if not is_lines or piece.file.is_packed or piece.encoding not in LINES_BY_BYTE or total <= size:
        return [piece]
    stretches = ((at, min(at + size, total)) for at in range(0, total, size))
    return [replace(piece, start=at, stop=end, num_bytes=end - at) for at, end in stretches]


def first_rows(piece: Piece, what: str) -> list[Any]:
    """The first `ROWS_TO_JUDGE_BY` rows, or as many as can be read.

    Args:
        piece: Of a file of rows.
        what: They are to hold, for messages.

    Raises:
        BadFileError: there are none, or not one can be read.
    """
    found: list[Any] = []
    try:
        found.extend(islice(rows_of(piece), ROWS_TO_JUDGE_BY))
    except BadFileError:
        if not found:
            raise
    if not found:
        raise BadFileError(piece.file.uri, "it holds no rows", f"Name a file with {what} under 'from'.")
    if all(isinstance(row, Unreadable) for row in found):
        raise BadFileError(piece.file.uri, found[0].reason, "Look at its first lines.", "first row")
    return found


def rows_of(piece: Piece) -> Iterator[Any]:
    """The rows of a piece as they stand there (mappings, unless the file is wrong), or `Unreadable`.

    Raises:
        BadFileError: the file cannot be read from here on.
    """
    file, name = piece.file, piece.file.uri
    if piece.kind == "parquet":
        yield from tables.read_parquet(file, piece.start, piece.stop)
        return
    if piece.kind == "arrow":
        yield from tables.read_arrow(file)
        return
    with opened(file) as stream:
        match piece.kind:
            case "json":
                rows = json_rows.read_list(stream, piece.encoding, name)
            case "json_lines":
                rows = json_rows.read_lines(stream, piece.encoding, piece.start, piece.stop)
            case "csv" | "tsv":
                separator = "," if piece.kind == "csv" else "\t"
                rows = separated.read_separated(stream, piece.encoding, name, separator)
            case _:
                raise AssertionError(piece.kind)
        with closing(rows):  # type: ignore[type-var]
            yield from rows
