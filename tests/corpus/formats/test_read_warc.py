"""Archives of crawls, written record by record."""

from __future__ import annotations

import gzip
import io

import pytest

from danlu.corpus.files import BadFileError
from danlu.corpus.formats import warc
from danlu.corpus.formats.read_document import ReadDocument
from danlu.corpus.formats.warc import read_warc
from document_files import PAGE, page, record

INFO = record("warcinfo", b"software: x\r\n", content="application/warc-fields")
REQUEST = record("request", b"GET / HTTP/1.1\r\n\r\n", "http://example.org/", "application/http;msgtype=request")


def read(data: bytes) -> list[ReadDocument]:
    return list(read_warc(io.BytesIO(data), "crawl.warc"))


@pytest.mark.parametrize("compressed", [False, True])
def test_pages_with_address_and_date(compressed: bool) -> None:
    records = [
        INFO,
        REQUEST,
        page("http://example.org/1"),
        page("http://example.org/p.png", b"\x89PNG", kind="image/png"),
        page("http://example.org/2"),
    ]
    data = b"".join(map(gzip.compress, records)) if compressed else b"".join(records)
    first, second = read(data)
    assert first.text == "The wall was built in 1887, and it has been mended twice since."
    assert (first.title, first.url, first.date) == ("The wall", "http://example.org/1", "2024-03-05T09:00:00Z")
    assert first.place == "record 3"
    assert second.url == "http://example.org/2"


def test_encodings() -> None:
    text = "城墙始建于一八八七年，此后修缮过两次，没有人记得它为什么向东倾斜，老人们说是风吹的。"
    body = f"<body><p>{text}</p></body>".encode("gb18030")
    for kind in ("text/html; charset=gb2312", "text/html", "text/html; charset=utf-8"):
        assert read(page("http://example.org/", body, kind=kind))[0].text == text


def test_packed_and_chunked_answers() -> None:
    packed = page("http://example.org/", gzip.compress(PAGE.encode()), more="Content-Encoding: gzip\r\n")
    chunks = (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PAGE[:50].encode(), PAGE[50:].encode()))
        + b"0\r\n\r\n"
    )
    chunked = page("http://example.org/", chunks, more="Transfer-Encoding: chunked\r\n")
    for data in (packed, chunked):
        assert read(data)[0].text.startswith("The wall was built")


def test_what_is_no_page_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "MAX_PAGE_BYTES", 1000)
    bomb = page(
        "http://example.org/3", gzip.compress(b"<p>" + b"word " * 10_000, mtime=0), more="Content-Encoding: gzip\r\n"
    )
    records = [
        page("http://example.org/1", status="404 Not Found"),
        page("http://example.org/2", b"<nav><a href=x>only links</a></nav>"),
        bomb,
        page("http://example.org/4"),
    ]
    found = read(b"".join(records))
    assert [document.unreadable for document in found] == [
        "the server answered with status 404",
        "the page has no text",
        "the page is longer than 1,000 bytes",
        None,
    ]


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated(compressed: bool) -> None:
    records = [page("http://example.org/1"), page("http://example.org/2", (PAGE + " more words" * 50).encode())]
    data = b"".join(map(gzip.compress, records)) if compressed else b"".join(records)
    first, *rest = read(data[:-60])
    assert first.url == "http://example.org/1"
    assert any(document.unreadable == "the file is cut off or damaged" for document in rest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain words\n" * 20,
        b"\x89PNG\r\n" + bytes(500),
        gzip.compress(b"plain words", mtime=0),
        gzip.compress(b"x" * 5000, mtime=0)[:-9],
    ],
)
def test_no_warc(data: bytes) -> None:
    with pytest.raises(BadFileError, match="no WARC record"):
        read(data)
