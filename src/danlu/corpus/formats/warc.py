"""WARC: what a crawler fetched. Of its records, the pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.html import read_html
from danlu.corpus.formats.read_document import FETCH_HINT, ReadDocument
from danlu.corpus.packing import DAMAGE

MAX_PAGE_BYTES = 16 * 2**20
PAGES = ("text/html", "application/xhtml+xml")
TYPES = ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
CUT_OFF = "the file is cut off or damaged"


def read_warc(stream: BinaryIO, name: str) -> Iterator[ReadDocument]:
    """The main text of every page that a server answered with, with its address and the date of the crawl.

    Records that are no answers (requests, metadata) and answers that are no pages (images) are passed by.

    Args:
        stream: Plain or compressed by gzip, read once; one record at a time is held in memory.
        name: What messages call the file.

    Raises:
        BadFileError: it holds no record at all.
    """
    from warcio.archiveiterator import ArchiveIterator

    number = num_found = 0
    watched = _Watched(stream)
    beginning = watched.beginning
    if not beginning.lstrip().startswith((b"WARC/", b"\x1f\x8b")):  # the library would look for the end of its line
        watched.raise_problem()
        raise BadFileError(name, "there is no WARC record at its beginning", FETCH_HINT)
    records = iter(ArchiveIterator(watched))
    while True:
        place = f"record {number + 1}"
        try:
            record = next(records)
            number += 1
            document = _read_record(record, place)
        except StopIteration:
            break
        except Exception as error:  # of warcio, of gzip, and of what reads numbers in headers
            if not number:
                raise BadFileError(name, f"there is no WARC record at its beginning ({error})", FETCH_HINT) from error
            yield ReadDocument(place, unreadable=CUT_OFF)
            return
        if document is not None:
            num_found += 1
            yield document
    watched.raise_problem()
    if not number:
        raise BadFileError(name, "there is no WARC record in it", FETCH_HINT)
    if not num_found:
        hint = "Only answers of servers that are pages (text/html) are read."
        raise BadFileError(name, f"none of its {number:,} records is a page", hint)


class _Watched:
    """A stream that ends where it is damaged, and keeps the damage: the library takes both for the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.problem: Exception | None = None
        self.beginning = b""
        self.beginning = self.read(2**12)

    def raise_problem(self) -> None:
        """Say what the damage was, if there was any."""
        if self.problem is not None:
            raise self.problem

    def read(self, size: int = -1) -> bytes:
        if self.beginning:
            held, self.beginning = self.beginning, b""
            return held
        try:
            return self._stream.read(size)
        except DAMAGE as error:
            self.problem = error
            return b""

    def tell(self) -> int:
        return 0  # where records begin in the file is not asked for

    def close(self) -> None:
        """Whoever opened the stream closes it."""


def _read_record(record: Any, place: str) -> ReadDocument | None:
    """The page of a record; None if it is none."""
    if record.rec_type not in TYPES:
        return ReadDocument(place, unreadable="the record is of no type that is known")
    headers = record.http_headers if record.rec_type == "response" else None
    kind, _, parameters = (headers.get_header("Content-Type") or "" if headers else "").lower().partition(";")
    if kind.strip() not in PAGES:
        return ReadDocument(place, unreadable=CUT_OFF) if _is_cut_off(record) else None
    url = record.rec_headers.get_header("WARC-Target-URI") or ""
    date = record.rec_headers.get_header("WARC-Date") or ""
    status = record.http_headers.get_statuscode()
    if not status.startswith("2"):
        return ReadDocument(place, url=url, date=date, unreadable=f"the server answered with status {status}")
    data = record.content_stream().read(MAX_PAGE_BYTES + 1)
    if len(data) > MAX_PAGE_BYTES:
        return ReadDocument(place, url=url, date=date, unreadable=f"the page is longer than {MAX_PAGE_BYTES:,} bytes")
    if _is_cut_off(record):
        return ReadDocument(place, url=url, date=date, unreadable=CUT_OFF)
    _, _, charset = parameters.partition("charset=")
    page = read_html(data, encoding=charset.strip(" \"'") or None)
    if not page.text:
        return ReadDocument(place, title=page.title, url=url, date=date, unreadable="the page has no text")
    return ReadDocument(place, page.text, title=page.title, url=url, date=date)


def _is_cut_off(record: Any) -> bool:
    """Whether the file ends before the record does. Behind the last chunk of an answer there may be bytes of no use."""
    while record.raw_stream.read(1 << 16):
        pass
    return bool(record.raw_stream.limit > 0)
