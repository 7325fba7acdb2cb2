"""Where rows lie in their files: the bytes between the two places, read by something else, are the row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.documents.text import tidy
from danlu.corpus.documents.texts import texts_of
from danlu.corpus.files import SourceFile
from danlu.corpus.reading.places import place_of
from danlu.corpus.reading.table import piece_of, rows_of

CHARACTERS = st.text(st.sampled_from('ab 丹é"\\,;\t'), max_size=12)
LINES = st.lists(st.sampled_from(["", " ", "one", "two 丹", "x\x0by", "\u2028", "three\r"]), max_size=30)


def at(directory: Path, name: str, content: bytes) -> Any:
    path = directory / name
    path.write_bytes(content)
    return piece_of(SourceFile(path, f"file:{name}", None))


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(CHARACTERS, min_size=1, max_size=12), ascii=st.booleans(), blanks=st.integers(0, 2))
def test_json_lines_and_lists(
    texts: list[str], ascii: bool, blanks: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("json")
    rows = [{"text": text} for text in texts]
    written = [json.dumps(row, ensure_ascii=ascii) for row in rows]
    for name, content in (
        ("a.jsonl", ("\n" * (blanks + 1)).join(written).encode()),
        ("b.json", ("[" + (" " * blanks + ",\n").join(written) + "]\n").encode()),
        ("c.json", ("\ufeff[" + ", ".join(written) + "]").encode()),
    ):
        piece = at(directory, name, content)
        for number, row in enumerate(rows):
            place = place_of(piece, number, "file")
            assert place is not None
            assert json.loads(content[place.start : place.stop]) == row
        assert place_of(piece, len(rows), "file") is None


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(st.text(st.sampled_from('ab 丹",\n'), min_size=1, max_size=8), min_size=1, max_size=9))
def test_records(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("csv")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["number", "text"])
    writer.writerows(enumerate(texts))
    for mark in ("", "\ufeff"):
        content = (mark + text.getvalue()).encode()
        piece = at(directory, "a.csv", content)
        for number, row in enumerate(rows_of(piece)):
            place = place_of(piece, number, "file")
            assert place is not None
            (fields,) = csv.reader(io.StringIO(content[place.start : place.stop].decode(), newline=""))
            assert fields == [str(number), row["text"]]


@settings(deadline=None, max_examples=150)
@given(lines=LINES, end=st.sampled_from(["", "\n", "\n\n"]))
def test_lines_and_paragraphs(lines: list[str], end: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("text")
    content = ("\n".join(lines) + end).encode()
    piece = at(directory, "a.txt", content)
    for documents in ("lines", "paragraphs"):
        for number, text in enumerate(texts_of(piece, documents)):  # type: ignore[arg-type]
            place = place_of(piece, number, documents)  # type: ignore[arg-type]
            if place is None:
                assert not text
                continue
            assert str(text) in tidy(content[place.start : place.stop].decode())


def test_packed_and_columnar_files(tmp_path: Path) -> None:
    lines = "\n".join(f'{{"text": "number {number}"}}' for number in range(9)).encode()
    piece = at(tmp_path, "a.jsonl.gz", gzip.compress(lines))
    place = place_of(piece, 4, "file")
    assert place is not None
    assert (place.described, json.loads(lines[place.start : place.stop])) == ("line 5", {"text": "number 4"})
    pq.write_table(pa.table({"text": list("abcdefg")}), tmp_path / "b.parquet", row_group_size=3)
    place = place_of(piece_of(SourceFile(tmp_path / "b.parquet", "file:b", None)), 4, "file")
    assert place is not None
    assert place.described == "row 2 of row group 2"
    assert place.start is None
