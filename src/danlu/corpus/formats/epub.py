"""EPUB: a zip archive of chapters in XHTML, and the order in which they are read."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import unquote

from danlu.corpus.archives.documents import MEMBER_ERRORS, open_zip, read_member, reason
from danlu.corpus.files import BadFileError
from danlu.corpus.formats.encoding import decode_page
from danlu.corpus.formats.html import read_all_html
from danlu.corpus.formats.read_document import FETCH_HINT, ReadDocument
from danlu.corpus.formats.xml import attribute, local_name, parse_xml

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
CLOSES_ITSELF = re.compile(r"<(title|script|style|a|b|i|em|strong|span|div|p|td|th|li|h[1-6])((?:\s[^<>]*)?)/>")
FONT_SCRAMBLING = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass
class _Book:
    title: str = ""
    date: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    chapters: list[str] = field(default_factory=list)
    """Members of the archive, in the order of reading."""


def read_epub(stream: BinaryIO, name: str) -> Iterator[ReadDocument]:
    """The chapters of a book in the order of its spine, one document each; the table of contents is left out.

    Args:
        stream: With seek. One chapter at a time is held in memory.
        name: What messages call the file.

    Raises:
        BadFileError: it is no zip archive, or does not say what its chapters are.
    """
    with open_zip(stream, name, "an EPUB book") as archive:
        book = _read_package(archive, name)
        locked = _encrypted(archive)
        for number, member in enumerate(book.chapters, start=1):
            place = f"chapter {number} ({member})"
            if member in locked:
                yield ReadDocument(place, unreadable="the chapter is encrypted")
                continue
            try:
                page = read_all_html(_as_html(decode_page(read_member(archive, member))))
            except MEMBER_ERRORS as error:
                yield ReadDocument(place, unreadable=f"the chapter cannot be read: {reason(error)}")
                continue
            if page.text:
                title = " · ".join(dict.fromkeys(part for part in (book.title, page.title) if part))
                yield ReadDocument(place, page.text, title=title, date=book.date, facts=book.facts)


def _read_package(archive: zipfile.ZipFile, name: str) -> _Book:
    """What the package file says of the book."""
    try:
        container = parse_xml(read_member(archive, CONTAINER))
        paths = [attribute(element, "full-path") for element in container.iter() if local_name(element) == "rootfile"]
        path = paths[0] if paths else ""
        package = parse_xml(read_member(archive, path))
    except MEMBER_ERRORS as error:
        what = f"it is no EPUB book, or damaged: {CONTAINER} or the package it names cannot be read"
        raise BadFileError(name, f"{what} ({reason(error)})", FETCH_HINT) from error
    except ValueError as error:
        raise BadFileError(name, f"it is no EPUB book, or damaged: {error}", FETCH_HINT) from error
    book, items = _Book(), {}
    for element in package.iter():
        kind, text = local_name(element), " ".join((element.text or "").split())
        if kind == "item":
            # Only ever looked up in the archive, so a path that leads out of it finds nothing.
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(attribute(element, "href"))))
            is_page = attribute(element, "media-type") in PAGES
            is_contents = "nav" in attribute(element, "properties").split()
            items[attribute(element, "id")] = target if is_page and not is_contents else ""
        elif kind == "itemref":
            identifier = attribute(element, "idref")
            book.chapters.append(items.get(identifier, identifier))
        elif kind == "title" and not book.title:
            book.title = text
        elif kind == "date" and not book.date:
            book.date = text
        elif kind in ("creator", "language") and text:
            book.facts.setdefault("author" if kind == "creator" else kind, text)
    book.chapters = [member for member in book.chapters if member]
    if not book.chapters:
        raise BadFileError(name, "the book names no chapters", FETCH_HINT)
    return book


def _as_html(xhtml: str) -> str:
    """In HTML, <title/> and <script/> are only begun, and would swallow what follows."""
    return CLOSES_ITSELF.sub(r"<\1\2></\1>", xhtml)


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    """Members that cannot be read without a key. Fonts are often scrambled in a way that locks nothing."""
    try:
        root = parse_xml(read_member(archive, ENCRYPTION))
    except (*MEMBER_ERRORS, ValueError):
        return set()
    locked: set[str] = set()
    for data in root.iter():
        if local_name(data) != "EncryptedData":
            continue
        methods = [
            attribute(element, "Algorithm") for element in data.iter() if local_name(element) == "EncryptionMethod"
        ]
        targets = [attribute(element, "URI") for element in data.iter() if local_name(element) == "CipherReference"]
        if not any(method in FONT_SCRAMBLING for method in methods):
            locked.update(unquote(target) for target in targets)
    return locked
