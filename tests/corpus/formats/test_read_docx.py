"""Word documents, put together from strings."""

from __future__ import annotations

import io
import zipfile

import pytest

from danlu.corpus.files import BadFileError
from danlu.corpus.formats.docx import read_docx
from danlu.corpus.formats.read_document import ReadDocument
from document_files import CORE, WORD, docx, paragraph


def read(data: bytes) -> list[ReadDocument]:
    return list(read_docx(io.BytesIO(data), "wall.docx"))


LIST = '<w:numPr><w:ilvl w:val="0"/></w:numPr>'


def test_headings_paragraphs_lists_and_tables() -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    rows = "".join(f"<w:tr>{cell.format(a)}{cell.format(b)}</w:tr>" for a, b in (("月份", "Rain"), ("May", "24")))
    body = (
        paragraph("城墙", '<w:pStyle w:val="Heading1"/>')
        + paragraph("It leans.")
        + paragraph("rope", LIST)
        + paragraph("knot", LIST)
    )
    body += f"<w:tbl>{rows}</w:tbl>" + paragraph("") + paragraph("The end.")
    (document,) = read(docx(body, **{"docProps/core.xml": CORE}))
    assert document == ReadDocument(
        "",
        "城墙\n\nIt leans.\n\n- rope\n- knot\n\n月份 | Rain\nMay | 24\n\nThe end.",
        title="The Wall",
        date="2024-03-05T09:00:00Z",
        facts={"author": "Ada"},
    )


def test_runs_breaks_and_what_was_deleted() -> None:
    body = (
        "<w:p><w:r><w:t>one </w:t></w:r><w:hyperlink><w:r><w:t>word</w:t></w:r></w:hyperlink><w:r><w:br/><w:t>"
        "next</w:t><w:tab/><w:t>line</w:t></w:r>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t> new</w:t></w:r></w:ins>"
        "<mc:AlternateContent><mc:Choice><w:t> box</w:t></mc:Choice><mc:Fallback><w:t>box</w:t></mc:Fallback>"
        "</mc:AlternateContent></w:p>"
    )
    assert read(docx(body))[0].text == "one word\nnext line new box"


def test_paragraphs_inside_content_controls_and_text_boxes() -> None:
    body = (
        f"<w:sdt><w:sdtContent>{paragraph('inside')}</w:sdtContent></w:sdt>"
        + f"<w:p><w:r><w:txbxContent>{paragraph('boxed')}</w:txbxContent><w:t>outside</w:t></w:r></w:p>"
    )
    assert read(docx(body))[0].text == "inside\n\nboxed\noutside"


def test_a_truncated_document_is_kept_as_far_as_it_goes() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(
            "word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>' + paragraph("kept") * 3 + "<w:p><w:r>"
        )
    document, broken = read(target.getvalue())
    assert document.text == "kept\n\nkept\n\nkept"
    assert broken.place == "after paragraph 3"
    assert "its XML is broken" in (broken.unreadable or "")


def test_bombs_are_not_unpacked() -> None:
    found = read(docx(paragraph("kept") + paragraph(" " * 40_000_000) + paragraph("lost")))
    assert found[0].text == "kept"
    assert found[-1].unreadable == "the document cannot be read on: it unpacks to more than 250 times its size"


def test_entities_do_not_grow() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml",
            f'<!DOCTYPE x [<!ENTITY e0 "lol">{entities}]><w:document xmlns:w="{WORD}"><w:body>'
            f"{paragraph('&e9;')}</w:body></w:document>",
        )
    assert sum(len(document.text) for document in read(target.getvalue())) < 1000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a whole zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old .doc file, or encrypted"),
        (docx(paragraph("x"))[:-30], "not a whole zip archive"),
        (b"\x89PNG" + bytes(100), "not a whole zip archive"),
    ],
    ids=["empty", "doc", "truncated", "picture"],
)
def test_no_docx(data: bytes, reason: str) -> None:
    with pytest.raises(BadFileError, match=reason):
        read(data)


def test_another_kind_of_archive() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("../../etc/cron.d/x", "text")
    with pytest.raises(BadFileError, match=r"without word/document\.xml"):
        read(target.getvalue())
