"""PDF, read with pypdf. What is only pictures of pages is set aside: there is no character recognition here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, BinaryIO

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.pdf_lines import join_lines, without_running_lines
from danlu.corpus.formats.read_document import FETCH_HINT, ReadDocument

MAX_PAGES = 20_000
MAX_CONTENT_BYTES = 32 * 2**20
"""Of the drawing instructions of one page, unpacked. A page of text has some ten thousand."""
PAGES_AT_ONCE = 500
"""So many pages make a document at most, so that books of any length fit into memory."""


def read_pdf(stream: BinaryIO, name: str) -> Iterator[ReadDocument]:
    """The text of a file as one document (of long ones, one for every 500 pages), and each page that cannot be read.

    Args:
        stream: With seek.
        name: What messages call the file.

    Raises:
        BadFileError: it is no PDF, or so damaged that its pages cannot be found.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    # It tells of every small fault in a file; what cannot be read is yielded instead.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    if b"%PDF-" not in stream.read(1024):
        raise BadFileError(name, "this is no PDF: it does not begin with %PDF-", FETCH_HINT)
    stream.seek(0)
    try:
        reader = PdfReader(stream)
        if reader.is_encrypted and not reader.decrypt(""):
            yield ReadDocument("", unreadable="the file is encrypted with a password")
            return
        num_pages = len(reader.pages)
    except PyPdfError as error:
        raise BadFileError(name, f"this PDF is damaged ({error})", FETCH_HINT) from error
    except Exception as error:  # the library trusts the file's structure, so anything may fail in a damaged one
        raise BadFileError(name, f"this PDF is damaged ({type(error).__name__}: {error})", FETCH_HINT) from error
    if num_pages > MAX_PAGES:
        raise BadFileError(name, f"it has {num_pages:,} pages, more than {MAX_PAGES:,}", "Divide it.")
    title, date, facts = _properties(reader)
    named = _named_pages(reader)
    if named > num_pages:
        yield ReadDocument("", unreadable="pages that the file names are not in it")
    any_text = False
    for first in range(0, num_pages, PAGES_AT_ONCE):
        numbers = range(first, min(first + PAGES_AT_ONCE, num_pages))
        pages: list[str] = []
        for number in numbers:
            try:
                pages.append(_page_text(reader.pages[number]))
            except Exception as error:  # as above
                pages.append("")
                yield ReadDocument(f"page {number + 1}", unreadable=f"the page cannot be read ({type(error).__name__})")
        text = join_lines([line for page in without_running_lines(pages) for line in page])
        if text:
            any_text = True
            place = f"pages {first + 1} to {numbers[-1] + 1}" if num_pages > PAGES_AT_ONCE else ""
            yield ReadDocument(place, text, title=title, date=date, facts=facts)
    if not any_text:
        yield ReadDocument("", title=title, unreadable="the file holds no text, only pictures or nothing")


def _page_text(page: Any) -> str:
    if "/Contents" in page:
        contents = page.get_contents()
        drawn = contents.get_data() if contents is not None else b""
        if len(drawn) > MAX_CONTENT_BYTES:
            raise OverflowError("too much on the page")
        # The library passes over what it cannot unpack. Nothing at all takes eight bytes when packed.
        if not drawn and _packed_size(page["/Contents"]) > 20:
            raise ValueError("its contents are damaged")
    text: str = page.extract_text()
    return text.replace("\0", "")


def _packed_size(contents: Any) -> int:
    """Bytes that the streams of a page say they have; for what is no stream, more than any nothing has."""
    contents = contents.get_object()
    if isinstance(contents, list):
        return sum(_packed_size(part) for part in contents)
    return int(contents["/Length"]) if isinstance(contents, dict) and "/Length" in contents else 1000


def _named_pages(reader: Any) -> int:
    """How many pages the file says it has; the library leaves out those that it cannot find."""
    try:
        return int(reader.trailer["/Root"]["/Pages"]["/Count"])
    except Exception:  # whatever it is, it is no number
        return 0


def _properties(reader: Any) -> tuple[str, str, dict[str, str]]:
    """Title, date and other facts, as far as they can be read."""
    try:
        found = reader.metadata
        if found is None:
            return "", "", {}
        created = found.creation_date
        facts = {"author": " ".join(str(found.author or "").split()), "pages": str(len(reader.pages))}
        title = " ".join(str(found.title or "").split())
        return title, created.isoformat() if created else "", {key: value for key, value in facts.items() if value}
    except Exception:  # dates and strings that break the rules; the text may be sound all the same
        return "", "", {}
