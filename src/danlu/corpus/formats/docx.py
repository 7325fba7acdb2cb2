"""DOCX: a zip archive with a document in Office Open XML. Read element by element, so that long documents fit."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from danlu.corpus.archives.documents import MEMBER_ERRORS, open_member, open_zip, read_member, reason
from danlu.corpus.files import BadFileError
from danlu.corpus.formats.read_document import FETCH_HINT, ReadDocument
from danlu.corpus.formats.xml import local_name, parse_xml

DOCUMENT = "word/document.xml"
PROPERTIES = "docProps/core.xml"
LEGACY = b"\xd0\xcf\x11\xe0"
"""How compound files begin: .doc, and .docx with a password."""
LEFT_OUT = frozenset({"del", "moveFrom", "Fallback", "instrText", "delText", "rPr", "pPr", "sectPr"})
"""What was deleted, what stands in for drawings that are there anyhow, and what is no text."""


def read_docx(stream: BinaryIO, name: str) -> Iterator[ReadDocument]:
    """The document of the file: headings, paragraphs, items of lists with "- ", rows of tables with " | ".

    Headers, footers, notes and comments are left out.

    Args:
        stream: With seek. One paragraph or table at a time is held as XML.
        name: What messages call the file.

    Raises:
        BadFileError: it is no zip archive with a document in it.
    """
    head = stream.read(4)
    stream.seek(0)
    if head == LEGACY:
        what = "this is an old .doc file, or encrypted with a password"
        raise BadFileError(name, what, "Open it and save it as .docx without a password.")
    with open_zip(stream, name, "a DOCX file") as archive:
        if DOCUMENT not in archive.namelist():
            raise BadFileError(name, f"this is a zip archive without {DOCUMENT}, so not a DOCX file", FETCH_HINT)
        parts: list[str] = []
        broken = None
        try:
            for text in _read_body(archive):
                if text.startswith("- ") and parts and parts[-1].startswith("- "):
                    parts[-1] += "\n" + text
                elif text:
                    parts.append(text)
        except (*MEMBER_ERRORS, ValueError) as error:
            broken = str(error) if isinstance(error, ValueError) else reason(error)
        facts = _read_properties(archive)
        title, date = facts.pop("title", ""), facts.pop("date", "")
        if parts:
            yield ReadDocument("", "\n\n".join(parts), title=title, date=date, facts=facts)
        if broken:
            place = f"after paragraph {len(parts)}" if parts else ""
            yield ReadDocument(place, unreadable=f"the document cannot be read on: {broken}")


def _read_body(archive: zipfile.ZipFile) -> Iterator[str]:
    """Paragraphs and tables of the body as text, in order."""
    from lxml import etree

    with open_member(archive, DOCUMENT) as stream:
        events = etree.iterparse(
            stream, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
        )
        depth_in_block = 0
        try:
            for event, element in events:
                if local_name(element) not in ("p", "tbl"):
                    continue
                depth_in_block += 1 if event == "start" else -1
                if event == "start" or depth_in_block:
                    continue
                yield _table(element) if local_name(element) == "tbl" else _paragraph(element)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise ValueError(f"its XML is broken ({str(error).splitlines()[0]})") from error


def _paragraph(element: Any) -> str:
    pieces: list[str] = []
    in_list = False
    for child in element:
        if local_name(child) == "pPr":
            in_list = any(local_name(mark) == "numPr" for mark in child)
        else:
            _collect(child, pieces)
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    text = "\n".join(line for line in lines if line)
    return f"- {text}" if in_list and text else text


def _collect(element: Any, pieces: list[str]) -> None:
    """Add the text of an element to the pieces, without recursion, since depth is the file's choice."""
    waiting: list[Any] = [element]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            pieces.append(current)
            continue
        kind = local_name(current)
        if kind in LEFT_OUT:
            continue
        if kind == "t":
            pieces.append(current.text or "")
        elif kind == "tab":
            pieces.append(" ")
        elif kind in ("br", "cr"):
            pieces.append("\n")
        elif kind == "noBreakHyphen":
            pieces.append("-")
        elif kind == "p":
            pieces.append("\n")
            waiting.append("\n")
        waiting.extend(reversed(current))


def _table(element: Any) -> str:
    """One line for each row. A table within a cell becomes part of the cell."""
    lines = []
    for row in element:
        if local_name(row) != "tr":
            continue
        cells = []
        for cell in row.iterchildren():
            if local_name(cell) in ("tc", "sdt"):
                pieces: list[str] = []
                _collect(cell, pieces)
                cells.append(" ".join("".join(pieces).split()))
        if any(cells):
            lines.append(" | ".join(cells))
    return "\n".join(lines)


def _read_properties(archive: zipfile.ZipFile) -> dict[str, str]:
    """Title, author, language and date, as far as they are there and can be read."""
    try:
        root = parse_xml(read_member(archive, PROPERTIES))
    except (*MEMBER_ERRORS, ValueError):
        return {}
    names = {"title": "title", "creator": "author", "language": "language", "modified": "date"}
    found = {
        names[local_name(element)]: (element.text or "").strip() for element in root if local_name(element) in names
    }
    return {name: value for name, value in found.items() if value}
