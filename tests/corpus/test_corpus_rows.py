"""Files of every kind give the same rows, and damaged ones are named with the line."""

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

from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.rows import Unreadable, read_rows

ROWS = [{"prompt": 'a\nb, "c"', "completion": "丹炉"}, {"prompt": "é\u2028x", "completion": "d"}]


def as_csv(separator: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ROWS[0].keys(), delimiter=separator)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def as_parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


JSON = json.dumps(ROWS, ensure_ascii=False).encode()
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
FILES = {
    "rows.json": JSON,
    "bom.json": b"\xef\xbb\xbf" + JSON,
    "wrapped.json": json.dumps({"version": 1, "data": ROWS}).encode(),
    "lines.json": LINES,
    "rows.jsonl": LINES,
    "gaps.ndjson": b"\n" + LINES.replace(b"\n", b"\r\n\r\n"),
    "rows.csv": as_csv(","),
    "rows.tsv": as_csv("\t"),
    "rows.parquet": as_parquet(),
    "ROWS.JSON.GZ": gzip.compress(JSON, mtime=0),
    "rows.csv.gz": gzip.compress(as_csv(","), mtime=0),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert read_rows(SourceFile(tmp_path / name, name, None)) == ROWS


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("x.json", b'[\n{"a": 1},\n{"a" 2}]', "x.json, line 3: this is not JSON"),
        ("x.json", b"", "x.json, line 1: this is not JSON"),
        ("x.json", b"just words", "this is not JSON"),
        ("x.json", b'{"a": 1, "b": {}}', "holds a JSON dict with the keys a, b instead of a list"),
        ("x.json", b'"text"', "holds a JSON str instead of a list"),
        ("x.json", b"[" * 100_000, "not JSON"),
        ("x.json", b'[{"a": "\n\xff"}]', "x.json, line 2: byte 0xff is not valid UTF-8"),
        ("x.json", "[]".encode("utf-16"), "written in UTF-16"),
        ("x.jsonl", b"words\nmore words\n", "line 1 is not JSON"),
        ("x.jsonl", '{"a": "好"}\n'.encode() + '{"a": "好"}\n'.encode("gb18030"), "line 2: byte"),
        ("x.csv", b'a,b\n"1,2\n', "after line 1: unexpected end"),
        ("x.parquet", b"PAR1 no", "is not a whole Parquet file"),
        ("x.json.gz", gzip.compress(JSON, mtime=0)[:-9], "is not a whole gzip file"),
        ("x.json.gz", JSON, "is not a whole gzip file"),
        ("x.txt", b"text", "files with the suffix '.txt' cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadFileError, match=what) as caught:
        read_rows(SourceFile(tmp_path / name, name, None))
    assert "\n" not in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.jsonl", b'{"a": 1}\n{"a": \n{"a": 2}\n', "line 2 is not JSON"),
        ("x.csv", b"a,b\n1,2\n1\n3,4\n", "line 3 has another number of fields"),
        ("x.csv", b"a,b\n1,2\n1,2,3\n3,4\n", "line 3 has another number of fields"),
    ],
)
def test_one_bad_line_does_not_spoil_the_file(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    rows: list[Any] = read_rows(SourceFile(tmp_path / name, name, None))
    assert len(rows) == 3
    assert isinstance(rows[1], Unreadable)
    assert reason in rows[1].reason
