"""Where a row lies in its file: for people who want to look, and for the way back from a model to its data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import islice
from typing import Any, Literal, cast

from danlu.corpus.documents.text import cleaned, lines
from danlu.corpus.encodings import LINES_BY_BYTE
from danlu.corpus.reading.separated import MOST_FIELD_CHARACTERS
from danlu.corpus.reading.table import Piece
from danlu.corpus.streams import opened, read_anywhere

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Place:
    """Where a row lies. Bytes are those of the contents of a packed file."""

    described: str
    """For people, for example ``line 17``; lines are counted from 1."""
    start: int | None = None
    """First byte; None where rows are not made of bytes that stand together."""
    stop: int | None = None
    """Behind the last one."""


Span = tuple[int, int, str]
"""First byte, the one behind the last, and what to call it."""


def place_of(piece: Piece, row: int, documents: Literal["file", "paragraphs", "lines"]) -> Place | None:
    """Where a row of a file is; None if there is no such row.

    Args:
        piece: The whole file.
        row: Its number, from 0, as artifacts keep it.
        documents: What a document is in a text file.

    Raises:
        BadFileError: the file cannot be read up to there.
    """
    if piece.kind == "parquet":
        return _in_row_groups(piece, row)
    if piece.kind == "arrow":
        return Place(f"row {row + 1}")
    with opened(piece.file) as stream:
        spans = _spans(piece, stream, documents)
        if spans is None:
            return Place("the whole file" if row == 0 else f"document {row + 1} of the file")
        with closing(spans):
            found = next(islice(spans, row, None), None)
        return None if found is None else Place(found[2], found[0], found[1])


def _spans(piece: Piece, stream: BufferedIOBase, documents: str) -> Generator[Span, None, None] | None:
    """Of each row in order; None where they are not known."""
    match piece.kind:
        case "json_lines":
            return _lines_that_count(stream)
        case "json":
            return _elements(stream, piece.encoding)
        case "csv" | "tsv":
            return _records(stream, piece.encoding, "," if piece.kind == "csv" else "\t")
        case "text" if documents == "file":
            return _whole(stream)
        case "text" if piece.encoding in LINES_BY_BYTE:
            return _lines(stream, piece.encoding) if documents == "lines" else _paragraphs(stream, piece.encoding)
        case _:
            return None


def _whole(stream: BufferedIOBase) -> Generator[Span, None, None]:
    yield 0, len(stream.read()), "the whole file"


def _byte_lines(stream: BufferedIOBase) -> Iterator[tuple[int, int, bytes]]:
    """Each line with its number, from 1, and its first byte."""
    start = 0
    for number, line in enumerate(stream, start=1):
        yield number, start, line
        start += len(line)


def _lines_that_count(stream: BufferedIOBase) -> Generator[Span, None, None]:
    """Of JSON lines."""
    for number, start, line in _byte_lines(stream):
        if line and not line.isspace():
            yield start, start + len(line.rstrip(b"\r\n")), f"line {number}"


def _lines(stream: BufferedIOBase, encoding: str) -> Generator[Span, None, None]:
    for number, start, line in _byte_lines(stream):
        # Other characters than the line feed may end a line of a text, too.
        for _ in lines(cleaned(line.decode(encoding, "replace"))):
            yield start, start + len(line.rstrip(b"\r\n")), f"line {number}"


def _paragraphs(stream: BufferedIOBase, encoding: str) -> Generator[Span, None, None]:
    begin: tuple[int, int] | None = None
    stop = last = 0
    for number, start, line in _byte_lines(stream):
        for text in lines(cleaned(line.decode(encoding, "replace"))):
            if text and begin is None:
                begin = number, start
            elif not text and begin is not None:
                yield begin[1], stop, f"lines {begin[0]} to {last}"
                begin = None
            if text:
                stop, last = start + len(line.rstrip(b"\r\n")), number
    if begin is not None:
        yield begin[1], stop, f"lines {begin[0]} to {last}"


def _elements(stream: BufferedIOBase, encoding: str) -> Generator[Span, None, None] | None:
    """Of a JSON list; None for a mapping with a list in it."""
    text = stream.read().decode(encoding)
    before = len(BOM) if encoding == "utf-8-sig" else 0
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    return _list_elements(text, plain, before) if text.lstrip().startswith("[") else None


def _list_elements(text: str, encoding: str, start: int) -> Generator[Span, None, None]:
    decoder, counted, number = json.JSONDecoder(), 0, 0
    at = text.index("[") + 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at == len(text) or text[at] == "]":
            return
        _, end = decoder.raw_decode(text, at)
        start += len(text[counted:at].encode(encoding))
        stop = start + len(text[at:end].encode(encoding))
        number += 1
        yield start, stop, f"element {number} of the list"
        start, counted, at = stop, end, end


def _records(stream: BufferedIOBase, encoding: str, separator: str) -> Generator[Span, None, None]:
    csv.field_size_limit(MOST_FIELD_CHARACTERS)
    position = len(BOM) if encoding == "utf-8-sig" else 0
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    text = io.TextIOWrapper(cast(Any, stream), encoding=encoding, newline="")

    def counted() -> Iterator[str]:
        nonlocal position
        for line in text:
            position += len(line.encode(plain))
            yield line

    reader = csv.reader(counted(), delimiter=separator, strict=True)
    next(reader, None)  # the header
    start, first = position, reader.line_num + 1
    try:
        for record in reader:
            if record:
                yield (
                    start,
                    position,
                    f"line {first}" if first == reader.line_num else f"lines {first} to {reader.line_num}",
                )
            start, first = position, reader.line_num + 1
    finally:
        text.detach()


def _in_row_groups(piece: Piece, row: int) -> Place | None:
    import pyarrow.parquet as pq

    with read_anywhere(piece.file) as source, pq.ParquetFile(source) as file:
        before = 0
        for group in range(file.num_row_groups):
            num_rows = file.metadata.row_group(group).num_rows
            if row < before + num_rows:
                return Place(f"row {row - before + 1} of row group {group + 1}")
            before += num_rows
    return None
