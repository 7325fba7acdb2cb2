"""WARC: what a crawler fetched. Of its records, the pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.html import read_html
from danlu.corpus.formats.read_document import FETCH_HINT, ReadDocument

MAX_PAGE_BYTES = 16 * 2**20
PAGES = ("text/html", "application/xhtml+xml")
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

    number = 0
    records = iter(ArchiveIterator(stream))
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
            yield document
    if not number:
        raise BadFileError(name, "there is no WARC record in it", FETCH_HINT)


def _read_record(record: Any, place: str) -> ReadDocument | None:
    """The page of a record; None if it is none."""
    if record.rec_type != "response" or record.http_headers is None:
        return None
    kind, _, parameters = (record.http_headers.get_header("Content-Type") or "").lower().partition(";")
    if kind.strip() not in PAGES:
        return None
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
