"""Mail: a single message (.eml) or a mailbox of many (mbox), read with the standard library's email package."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import BinaryIO

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.encoding import decode_page
from danlu.corpus.formats.html import read_html
from danlu.corpus.formats.read_document import ReadDocument

MAX_MESSAGE_BYTES = 64 * 2**20
MAX_LINE_BYTES = 2**20
"""What is longer is read in pieces of this size."""
EXPECTED_HEADERS = ("from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version")


def read_mail(stream: BinaryIO, name: str) -> Iterator[ReadDocument]:
    """The messages of a file: plain text if there is any, else the text of the HTML; attachments are counted only.

    Args:
        stream: Read from here on, once; one message at a time is held in memory.
        name: What messages to the user call the file.

    Raises:
        BadFileError: the file is empty, or a single message without any header of mail.
    """
    first = stream.readline(MAX_LINE_BYTES)
    if not first:
        raise BadFileError(name, "the file is empty", "Check where it came from.")
    if not first.startswith(b"From "):
        data = first + stream.read(MAX_MESSAGE_BYTES + 1)
        document = _read_message(data, "")
        if document.unreadable == NO_HEADERS:
            raise BadFileError(
                name, NO_HEADERS, "A mail begins with lines such as 'Subject: ...'; is it another format?"
            )
        yield document
        return
    for number, data in enumerate(_split(stream), start=1):
        yield _read_message(data, f"message {number}")


NO_HEADERS = "it begins with no header of mail"


def _split(stream: BinaryIO) -> Iterator[bytes]:
    """Messages of a mailbox. Each begins behind a line "From ..." that follows an empty line."""
    lines: list[bytes] = []
    size = 0
    after_empty = False
    while line := stream.readline(MAX_LINE_BYTES):
        if after_empty and line.startswith(b"From "):
            yield b"".join(lines)
            lines, size = [], 0
        elif size <= MAX_MESSAGE_BYTES:
            quoted = line.startswith(b">") and line.lstrip(b">").startswith(b"From ")
            lines.append(line[1:] if quoted else line)
            size += len(line)
        after_empty = line in (b"\n", b"\r\n")
    yield b"".join(lines)


def _read_message(data: bytes, place: str) -> ReadDocument:
    if len(data) > MAX_MESSAGE_BYTES:
        return ReadDocument(place, unreadable=f"the message is longer than {MAX_MESSAGE_BYTES:,} bytes")
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not any(header in message for header in EXPECTED_HEADERS):
        return ReadDocument(place, unreadable=NO_HEADERS)
    try:
        text = _body(message)
        attachments = sum(1 for part in message.walk() if part.get_content_disposition() == "attachment")
        facts = {"from": _header(message, "from"), "to": _header(message, "to"), "attachments": str(attachments)}
        subject, date = _header(message, "subject"), _date(_header(message, "date"))
    except Exception as error:  # the package raises errors of all kinds for headers that break its rules
        return ReadDocument(place, unreadable=f"the message is malformed ({type(error).__name__})")
    if not text:
        return ReadDocument(place, title=subject, date=date, unreadable="the message has no text")
    return ReadDocument(
        place, text, title=subject, date=date, facts={key: value for key, value in facts.items() if value}
    )


def _body(message: EmailMessage) -> str:
    """The text of the message. Plain parts count more than HTML, and parts that are attached do not."""
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        if part is None:
            continue
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        charset = part.get_content_charset()
        if kind == "html":
            text = read_html(data, encoding=charset).text
        else:
            text = decode_page(data, charset).replace("\r\n", "\n").replace("\0", "").strip()
        if text:
            return text
    return ""


def _header(message: EmailMessage, name: str) -> str:
    value = message.get(name)
    return " ".join(str(value).split()) if value is not None else ""


def _date(value: str) -> str:
    """ISO 8601 of a date as mails write it; empty if it is none."""
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, OverflowError):
        return ""
