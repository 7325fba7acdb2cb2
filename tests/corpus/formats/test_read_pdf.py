"""PDF files, written object by object."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader, PdfWriter

from danlu.corpus.files import BadFileError
from danlu.corpus.formats import pdf
from danlu.corpus.formats.pdf import read_pdf
from danlu.corpus.formats.pdf_lines import join_lines, without_running_lines
from danlu.corpus.formats.read_document import ReadDocument
from document_files import make_pdf


def read(data: bytes) -> list[ReadDocument]:
    return list(read_pdf(io.BytesIO(data), "wall.pdf"))


def test_text_over_two_pages() -> None:
    pages = [
        ["The old harbour wall was built in the year of the great", "storm, and it has been mended by every gener-"],
        ["ation of fishermen since then without a plan.", "It leans."],
    ]
    (document,) = read(make_pdf(pages, "Wall"))
    assert document.text == (
        "The old harbour wall was built in the year of the great storm, and it has been mended by every generation "
        "of fishermen "
        "since then without a plan. It leans."
    )
    assert (document.title, document.date, document.facts["pages"]) == ("Wall", "2024-03-05T09:00:00+00:00", "2")


def test_chinese_lines_are_joined_without_blanks() -> None:
    lines = [
        "城墙始建于一八八七年，此后修缮过两次，没有人记得它为什么向东",
        "倾斜，老人们说是风吹的，年轻人说是地基的缘故，谁也没有去量过。",
    ]
    (document,) = read(make_pdf([lines]))
    assert document.text == "".join(lines)


def test_files_without_text_are_set_aside() -> None:
    (document,) = read(make_pdf([[], []]))
    assert document.unreadable == "the file holds no text, only pictures or nothing"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_encrypted_files_are_set_aside_unless_they_have_no_password(algorithm: str) -> None:
    def encrypted(password: str) -> bytes:
        writer, out = PdfWriter(PdfReader(io.BytesIO(make_pdf([["Secret words."]])))), io.BytesIO()
        writer.encrypt(password, "owner", algorithm=algorithm)
        writer.write(out)
        return out.getvalue()

    (locked,) = read(encrypted("user"))
    assert locked.unreadable == "the file is encrypted with a password"
    (free,) = read(encrypted(""))
    assert free.text == "Secret words."


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        (b"/Contents 10 0 R", b"/Contents (oops)"),
        (b"10 0 obj\n<< /Length", b"10 0 obj\n<< /Filter /FlateDecode /Length"),
        (b"/Contents 10 0 R", b"/Contents 2 0 R"),
    ],
)
def test_a_broken_page_is_set_aside(sound: bytes, broken: bytes) -> None:
    data = make_pdf([["First page."], ["Second page."], ["Third page."]])
    assert sound in data
    found, document = read(data.replace(sound, broken))
    assert found.place == "page 2"
    assert (found.unreadable or "").startswith("the page cannot be read")
    assert document.text == "First page. Third page."


def test_a_missing_page_is_told() -> None:
    missing, document = read(make_pdf([["First page."], ["Second page."]]).replace(b"7 0 R 9 0 R]", b"7 0 R 99 0 R]"))
    assert missing.unreadable == "pages that the file names are not in it"
    assert document.text == "First page."


def test_too_much_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_CONTENT_BYTES", 200)
    found = read(make_pdf([["word " * 100], ["Short."]]))
    assert [document.unreadable for document in found] == ["the page cannot be read (OverflowError)", None]


def test_long_files_become_several_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "PAGES_AT_ONCE", 2)
    found = read(make_pdf([["one."], ["two."], ["three."]]))
    assert [(document.place, document.text) for document in found] == [
        ("pages 1 to 2", "one. two."),
        ("pages 3 to 3", "three."),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no PDF"),
        (b"plain words, and many of them", "no PDF"),
        (b"\x89PNG\r\n" + bytes(300), "no PDF"),
        (b"%PDF-1.7\n" + bytes(300), "this PDF is damaged"),
        (make_pdf([["x"]])[:400], "this PDF is damaged"),
    ],
    ids=["empty", "text", "picture", "zeros", "truncated"],
)
def test_no_pdf(data: bytes, reason: str) -> None:
    with pytest.raises(BadFileError, match=reason):
        read(data)


def test_running_heads_and_page_numbers_go() -> None:
    pages = [
        f"The Wall, volume {n}\n\nText of page {n} that differs from all others{'!' * n}\n- {n} -" for n in range(1, 6)
    ]
    assert [len(page) for page in without_running_lines(pages)] == [1] * 5
    assert without_running_lines(["A heading\nwords", "Another\nmore"]) == [["A heading", "words"], ["Another", "more"]]


def test_paragraphs_and_items() -> None:
    lines = [
        "A line that is about as long as most of them are here",
        "and the end of it.",
        "Another paragraph begins and goes on for a whole line, too,",
        "until it ends.",
        "1. An item that is long enough to fill the line to its end",
        "2. The next",
        "",
        "A well-",
        "Known case",
    ]
    assert join_lines(lines).split("\n\n") == [
        "A line that is about as long as most of them are here and the end of it.",
        "Another paragraph begins and goes on for a whole line, too, until it ends.",
        "1. An item that is long enough to fill the line to its end",
        "2. The next",
        "A well-",
        "Known case",
    ]
