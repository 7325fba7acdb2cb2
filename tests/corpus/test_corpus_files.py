"""Which files a source has, and their bytes as text."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest

from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.stage import Source
from danlu.corpus.files import BadFileError, SourceFile, list_files, read_text, readable_files
from danlu.errors import UserError


def source(path: Path) -> Source:
    return Source(path, SourceRecord(uri=f"file:{path.name}/", sha256="0" * 64, num_bytes=0))


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


def test_only_readable_files_of_directories_are_taken(folder: Path) -> None:
    sources = [source(folder), source(folder / "readme.md")]
    names = [file.path.name for file in readable_files(sources, [".json", ".jsonl"])]
    assert names == ["b.json", "z.JSONL.gz", "b.json", "readme.md"]
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="holds no file"):
        list(readable_files([source(folder / "empty")], [".json"]))
    with pytest.raises(UserError, match="neither a file nor a directory"):
        list_files(source(folder / "missing"))


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text(tmp_path: Path, name: str, mark: bytes) -> None:
    data = mark + "丹炉\r\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert read_text(SourceFile(tmp_path / name, name, None)) == "丹炉\r\n"


@pytest.mark.parametrize(
    ("data", "reason", "place"),
    [
        (b"a\nb\xff", "byte 0xff is not valid UTF-8", "line 2"),
        ("丹炉".encode("utf-16"), "it is written in UTF-16", ""),
        ("ab".encode("utf-16-le"), "it holds bytes of zero, so it is no text", ""),
        ("法国".encode("gb18030"), "byte 0xb7 is not valid UTF-8", "line 1"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, data: bytes, reason: str, place: str) -> None:
    (tmp_path / "x.txt").write_bytes(data)
    with pytest.raises(BadFileError) as caught:
        read_text(SourceFile(tmp_path / "x.txt", "file:x.txt", None))
    assert (caught.value.reason, caught.value.place) == (reason, place)
    assert caught.value.what == f"file:x.txt{', ' if place else ''}{place}: {reason}."
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.what, again.hint, again.reason) == (caught.value.what, caught.value.hint, reason)


def test_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"it cannot be read \(No such file"):
        read_text(SourceFile(tmp_path / "gone.txt", "file:gone.txt", None))
