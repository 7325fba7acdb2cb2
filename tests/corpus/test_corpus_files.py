"""Which files a source has, and their bytes as text."""

from __future__ import annotations

import gzip
import pickle
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.stage import Source
from danlu.corpus.documents import texts
from danlu.corpus.documents.text import EMPTY_LINES, tidy
from danlu.corpus.documents.texts import texts_of
from danlu.corpus.encodings import JUDGED_BYTES
from danlu.corpus.files import BadFileError, SourceFile, list_files
from danlu.corpus.reading import blocks
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import divided, piece_of


def source(path: Path) -> Source:
    return Source(path, SourceRecord(uri=f"file:{path.name}/", sha256="0" * 64, num_bytes=0))


def read_text(path: Path) -> str:
    (text,) = texts_of(piece_of(SourceFile(path, path.name, None)), "file")
    assert isinstance(text, str)
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.json", "a/z.JSONL.gz", "a/b.json", "readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[]")
    return tmp_path


def test_directories_are_listed_in_order_of_names(folder: Path) -> None:
    found = list_files(source(folder))
    assert [file.relative for file in found] == ["a/b.json", "a/z.JSONL.gz", "b.json", "readme.md"]
    assert found[1].uri == f"file:{folder.name}/a/z.JSONL.gz"
    assert [file.suffix for file in found] == [".json", ".jsonl", ".json", ".md"]
    (alone,) = list_files(source(folder / "b.json"))
    assert (alone.path, alone.uri, alone.relative) == (folder / "b.json", "file:b.json/", None)


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text(tmp_path: Path, name: str, mark: bytes) -> None:
    data = mark + "丹炉\r\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert read_text(tmp_path / name) == "丹炉"


CHINESE = "人工智能是计算机科学的一个分支，它企图了解智能的实质，并生产出一种新的机器。" * 4
TRADITIONAL = "人工智慧是計算機科學的一個分支，它企圖了解智慧的實質，並生產出一種新的機器。" * 4
RUSSIAN = "Москва является столицей России, городом федерального значения. " * 6


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16", "utf-32"])
def test_other_encodings_are_told(tmp_path: Path, encoding: str) -> None:
    text = TRADITIONAL if encoding == "big5" else CHINESE
    (tmp_path / "x.txt").write_bytes(text.encode(encoding))
    assert read_text(tmp_path / "x.txt") == text


def test_cyrillic_in_one_byte_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(RUSSIAN.encode("cp1251"))
    assert read_text(tmp_path / "x.txt") == RUSSIAN.strip()


@pytest.mark.parametrize(
    ("data", "reason", "place"),
    [
        (b"a\nb\xff\x01", "byte 0xff is not valid UTF-8, and no other encoding fits", "line 2"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "byte 0x89 is not valid UTF-8, and no other encoding fits", "line 1"),
        (b"ab\0cd", "it holds bytes of zero, so it is no text", ""),
        (b"a\n" * JUDGED_BYTES + b"\xff", "byte 0xff is not valid UTF-8", f"line {JUDGED_BYTES + 1}"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, data: bytes, reason: str, place: str) -> None:
    (tmp_path / "x.txt").write_bytes(data)
    with pytest.raises(BadFileError) as caught:
        read_text(tmp_path / "x.txt")
    assert (caught.value.reason, caught.value.place) == (reason, place)
    assert caught.value.what == f"x.txt{', ' if place else ''}{place}: {reason}."
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.what, again.hint, again.reason) == (caught.value.what, caught.value.hint, reason)


def test_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"it cannot be read \(No such file"):
        read_text(tmp_path / "gone.txt")


LINES = [f"line {number} 丹" + "炉" * (number % 7) for number in range(60)]


@pytest.mark.parametrize("size", [1, 10, 100, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_in_stretches_are_the_same_lines(tmp_path: Path, size: int, end: str) -> None:
    (tmp_path / "x.txt").write_bytes(end.join(LINES).encode())
    whole = piece_of(SourceFile(tmp_path / "x.txt", "x.txt", None))
    found = [line for piece in divided(whole, size, texts_too=True) for line in texts_of(piece, "lines")]
    assert [line for line in found if line] == LINES
    assert divided(whole, size, texts_too=False) == [whole]


@given(st.text("ab \n\r\t\u2028", max_size=80), st.integers(1, 9), st.integers(1, 30))
@settings(deadline=None)
def test_paragraphs_are_what_empty_lines_part_however_it_is_read(text: str, size: int, stretch: int) -> None:
    expected = [each.strip() for each in EMPTY_LINES.split(tidy(text)) if each.strip()] or [""]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.txt"
        path.write_bytes(text.encode())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blocks, "BLOCK_BYTES", size)
            piece = piece_of(SourceFile(path, "x.txt", None))
            assert list(texts_of(piece, "paragraphs")) == expected
            pieces = divided(piece, stretch, texts_too=True)
            assert [found for each in pieces for found in texts_of(each, "paragraphs") if found] == [
                *filter(None, expected)
            ]


def test_a_line_without_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MOST_LINE_BYTES", 1000)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    (tmp_path / "x.txt").write_bytes(b"first\n" + b"x" * 5000 + b"\nlast\n")
    found = list(texts_of(piece_of(SourceFile(tmp_path / "x.txt", "x.txt", None)), "lines"))
    assert [line if isinstance(line, str) else line.reason for line in found] == [
        "first",
        "it is longer than 64 MiB",
        "last",
    ]


def test_what_unpacks_to_more_than_can_be_held_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST_FILE_BYTES", 2**20)
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"a" * 2**24))
    piece = piece_of(SourceFile(tmp_path / "x.txt.gz", "x.txt.gz", None))
    (found,) = texts_of(piece, "file")
    assert isinstance(found, Unreadable)
    assert found.reason == "the file has more than 1 MiB: cut it with 'documents'"


def test_a_few_damaged_bytes_make_no_other_encoding(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(CHINESE.encode() + b"\xe4\xb8")
    with pytest.raises(BadFileError, match="byte 0xe4 is not valid UTF-8"):
        read_text(tmp_path / "x.txt")
