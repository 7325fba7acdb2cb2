"""Files with a form of their own (pages, PDF, DOCX, EPUB, mail, WARC) as texts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from danlu.corpus.documents.about import about
from danlu.corpus.documents.document import About
from danlu.corpus.documents.text import tidy
from danlu.corpus.files import BadFileError
from danlu.corpus.formats.docx import read_docx
from danlu.corpus.formats.epub import read_epub
from danlu.corpus.formats.html import read_html
from danlu.corpus.formats.mail import read_mail
from danlu.corpus.formats.pdf import read_pdf
from danlu.corpus.formats.read_document import ReadDocument
from danlu.corpus.formats.warc import read_warc
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import Piece
from danlu.corpus.streams import opened
from danlu.errors import UserError

MOST_PAGE_BYTES = 2**26
MOST_PACKED_BYTES = 2**28
"""Of a packed file that has to be held, since its reader goes back and forth in it."""
Reader = Callable[[BinaryIO, str], Iterator[ReadDocument]]


def _read_page(stream: BinaryIO, name: str) -> Iterator[ReadDocument]:
    data = stream.read(MOST_PAGE_BYTES + 1)
    if len(data) > MOST_PAGE_BYTES:
        yield ReadDocument("", unreadable=f"the page is longer than {MOST_PAGE_BYTES // 2**20} MiB")
        return
    page = read_html(data)
    yield ReadDocument("", page.text, title=page.title, unreadable=None if page.text else "the page has no main text")


READERS: dict[str, Reader] = {
    "html": _read_page,
    "pdf": read_pdf,
    "docx": read_docx,
    "epub": read_epub,
    "mail": read_mail,
    "warc": read_warc,
}
GO_BACK = ("pdf", "docx", "epub")
"""Whose readers seek."""


def formatted_texts(piece: Piece) -> Iterator[tuple[str, About] | Unreadable]:
    """The tidy texts of a file with what it says of them, and what of it could not be read.

    Raises:
        BadFileError: the file cannot be read from here on.
        UserError: what reads it is not installed.
    """
    name = piece.file.uri
    try:
        with opened(piece.file) as stream:
            source: BinaryIO = cast(BinaryIO, stream)
            if piece.file.is_packed and piece.kind in GO_BACK:
                data = stream.read(MOST_PACKED_BYTES + 1)
                if len(data) > MOST_PACKED_BYTES:
                    raise BadFileError(name, f"it unpacks to more than {MOST_PACKED_BYTES // 2**20} MiB", "Unpack it.")
                source = io.BytesIO(data)
            for document in READERS[piece.kind](source, name):
                if document.unreadable is None:
                    yield tidy(document.text), about(document.title, document.url, document.date)
                else:
                    yield Unreadable(document.unreadable, document.text or document.url or document.title)
    except ImportError as error:
        raise UserError(
            f"Files with the suffix {piece.file.suffix} need the package {error.name}, which is not installed.",
            "Install it with: pip install 'danlu[data]'",
        ) from error
