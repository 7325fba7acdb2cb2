"""Books, put together from strings."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from danlu.corpus.archives import documents as archives
from danlu.corpus.files import BadFileError
from danlu.corpus.formats.epub import read_epub
from danlu.corpus.formats.read_document import ReadDocument
from document_files import CHAPTER, CONTAINER, PACKAGE, book


def read(data: bytes) -> list[ReadDocument]:
    return list(read_epub(io.BytesIO(data), "mill.epub"))


def test_chapters_in_the_order_of_the_spine() -> None:
    chapters = {"z.xhtml": CHAPTER.format("one"), "a%20b.xhtml": CHAPTER.format("二")}
    first, second = read(book(chapters))
    assert first == ReadDocument(
        "chapter 1 (OEBPS/z.xhtml)",
        "one\n\nWords of one.",
        title="The Mill",
        date="1957",
        facts={"author": "E. Roe", "language": "en"},
    )
    assert second.text == "二\n\nWords of 二."


def test_missing_chapters_and_paths_that_lead_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.xhtml").write_text("secret")
    chapters: dict[str, str | bytes] = {
        "one.xhtml": CHAPTER.format("one"),
        "../../../secret.xhtml": "",
        "/etc/passwd": "",
        "gone.xhtml": "",
    }
    found = read(book(chapters, **{"../../escaped.xhtml": CHAPTER.format("out")}))
    assert [document.text for document in found] == ["one\n\nWords of one.", "", "", ""]
    assert all(document.unreadable == "the chapter cannot be read: the archive lacks it" for document in found[1:])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["secret.xhtml"]
    assert not (tmp_path.parent.parent / "escaped.xhtml").exists()


def test_encrypted_chapters_are_named() -> None:
    data = (
        '<EncryptedData xmlns="x"><EncryptionMethod Algorithm="{0}"/><CipherData><CipherReference URI="{1}"/>'
        "</CipherData></EncryptedData>"
    )
    chapter = data.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/one.xhtml")
    font = data.format("http://www.idpf.org/2008/embedding", "OEBPS/two.xhtml")
    encryption = f"<encryption>{chapter}{font}</encryption>"
    chapters: dict[str, str | bytes] = {"one.xhtml": b"\x93\x00\x11" * 50, "two.xhtml": CHAPTER.format("two")}
    locked, free = read(book(chapters, **{"META-INF/encryption.xml": encryption}))
    assert locked.unreadable == "the chapter is encrypted"
    assert free.unreadable is None


def test_bombs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    chapters: dict[str, str | bytes] = {"bomb.xhtml": b"<p>" + b" " * 40_000_000, "one.xhtml": CHAPTER.format("one")}
    bomb, sound = read(book(chapters))
    assert bomb.unreadable == "the chapter cannot be read: it unpacks to more than 250 times its size"
    assert sound.unreadable is None
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    assert (
        read(book({"long.xhtml": "<p>" + "word " * 1000}))[0].unreadable
        == "the chapter cannot be read: it unpacks to more than 1,000 bytes"
    )


def test_damaged_chapter() -> None:
    data = bytearray(book({"one.xhtml": CHAPTER.format("one" * 200), "two.xhtml": CHAPTER.format("two")}))
    begin = data.index(b"OEBPS/one.xhtml") + 40
    data[begin : begin + 20] = bytes(20)
    damaged, sound = read(bytes(data))
    assert damaged.unreadable is not None
    assert damaged.unreadable.startswith("the chapter cannot be read: it is damaged")
    assert sound.text.startswith("two")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a whole zip archive"),
        (b"plain words", "not a whole zip archive"),
        (book({"one.xhtml": "x"})[:-40], "not a whole zip archive"),
        (book({}), "names no chapters"),
        (book({"a": "x"}).replace(b"META-INF/container.xml", b"META-INF/container.xmm"), "no EPUB book, or damaged"),
    ],
    ids=["empty", "text", "truncated", "no-chapters", "no-container"],
)
def test_no_book(data: bytes, reason: str) -> None:
    with pytest.raises(BadFileError, match=reason):
        read(data)


def test_entities_of_the_package_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password")
    evil = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]>' + PACKAGE.format(
        items='<item id="c" href="c.xhtml" media-type="text/html"/>', spine='<itemref idref="c"/>'
    ).replace("The Mill", "&e;")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", evil)
        archive.writestr("OEBPS/c.xhtml", CHAPTER.format("one"))
    (document,) = read(target.getvalue())
    assert "password" not in document.title
