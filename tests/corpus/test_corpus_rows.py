"""Files of every kind give the same rows, and damaged ones are named with the line."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.reading import json_rows
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import divided, piece_of, rows_of

ROWS = [{"prompt": 'a\nb, "c"', "completion": "丹炉"}, {"prompt": "é\u2028x", "completion": "d"}]


def read_rows(path: Path) -> list[Any]:
    return list(rows_of(piece_of(SourceFile(path, path.name, None))))


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


def as_arrow(new: Any) -> bytes:
    sink, table = io.BytesIO(), pa.Table.from_pylist(ROWS)
    with new(sink, table.schema) as writer:
        writer.write_table(table)
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
    "rows.arrow": as_arrow(pa.ipc.new_file),
    "rows.feather": as_arrow(pa.ipc.new_stream),
    "rows.jsonl.bz2": bz2.compress(LINES),
    "rows.tsv.xz": lzma.compress(as_csv("\t")),
    "rows.jsonl.zst": pa.compress(LINES, "zstd", asbytes=True),
    "utf16.json": JSON.decode().encode("utf-16"),
    "utf16.csv": as_csv(",").decode().encode("utf-16"),
    "rows.csv.gz": gzip.compress(as_csv(","), mtime=0),
    "rows.parquet.gz": gzip.compress(as_parquet(), mtime=0),
    "rows.arrow.zst": pa.compress(as_arrow(pa.ipc.new_file), "zstd", asbytes=True),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert read_rows(tmp_path / name) == ROWS


@pytest.mark.parametrize(
    ("written", "rows"),
    [
        ({"a": 1, "b": {}}, [{"a": 1, "b": {}}]),
        ({"version": 2, "data": ROWS}, ROWS),
        ({"messages": [{"role": "user", "content": "x"}]}, [{"messages": [{"role": "user", "content": "x"}]}]),
        ({"names": ["a"], "b": []}, [{"names": ["a"], "b": []}]),
    ],
)
def test_a_mapping_is_a_row_or_holds_them(tmp_path: Path, written: Any, rows: list[Any]) -> None:
    (tmp_path / "x.json").write_text(json.dumps(written, indent=1))
    assert read_rows(tmp_path / "x.json") == rows


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("x.json", b'[\n{"a": 1},\n{"a" 2}]', "x.json, line 3: this is not JSON"),
        ("x.json", b"", "x.json, line 1: this is not JSON"),
        ("x.json", b"just words", "this is not JSON"),
        ("x.json", b'{"a": [{}], "b": [{}]}', r"holds several lists of rows \(a, b\)"),
        ("x.json", b'"text"', "holds a JSON str instead of a list"),
        ("x.json", b"[" * 100_000, "not JSON"),
        ("x.json", b'[{"a": "\n\xff\x01"}]', "x.json, line 2: byte 0xff is not valid UTF-8"),
        ("x.json", b'[{"a": 1}, {"a": ' + b"1" * 3_000_000, "line 1: this is not JSON .a number has too many"),
        ("x.jsonl", '{"a": 1}\n'.encode("utf-16"), "JSON lines in UTF-16 cannot be read"),
        ("x.parquet.gz", gzip.compress(as_parquet()[:-9]), "is not a whole Parquet file"),
        ("x.jsonl.zst", b"words", "is not a whole zstandard file"),
        ("x.jsonl.xz", b"words", "is not a whole xz file"),
        ("x.csv", b'a,b\n"1,2\n', "after line 1: unexpected end"),
        ("x.parquet", b"PAR1 no", "is not a whole Parquet file"),
        ("x.json.gz", gzip.compress(JSON, mtime=0)[:-9], "is not a whole gzip file"),
        ("x.json.gz", JSON, "is not a whole gzip file"),
        ("x.md5", b"text", "files with the suffix '.md5' cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadFileError, match=what) as caught:
        read_rows(tmp_path / name)
    assert "\n" not in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.jsonl", b'{"a": 1}\n{"a": \n{"a": 2}\n', "it is not JSON (Expecting value)"),
        ("x.jsonl", b'{"a": 1}\n{"a": "\x80\x01"}\n{"a": 2}\n' + b" " * 2**18, "byte 0x80 is not valid UTF-8"),
        ("x.csv", b"a,b\n1,2\n1\n3,4\n", "it has another number of fields"),
        ("x.csv", b"a,b\n1,2\n1,2,3\n3,4\n", "it has another number of fields"),
    ],
)
def test_one_bad_line_does_not_spoil_the_file(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    rows: list[Any] = read_rows(tmp_path / name)
    assert len(rows) == 3
    assert isinstance(rows[1], Unreadable)
    assert reason in rows[1].reason


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_in_stretches_holds_the_same_rows(tmp_path: Path, size: int, end: str) -> None:
    rows = [{"a": number, "b": "丹" * (number % 5)} for number in range(40)]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + end
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")
    pieces = divided(piece_of(SourceFile(tmp_path / "x.jsonl", "x", None)), size, texts_too=False)
    assert len(pieces) == -(-len(text.encode()) // size)
    assert [row for piece in pieces for row in rows_of(piece)] == rows
    assert sum(piece.num_bytes for piece in pieces) == len(text.encode())


def test_row_groups_are_read_by_themselves(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(100))})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=9)
    pieces = divided(piece_of(SourceFile(tmp_path / "x.parquet", "x", None)), 200, texts_too=False)
    assert len(pieces) > 3
    assert [row for piece in pieces for row in rows_of(piece)] == table.to_pylist()


def test_a_list_is_read_row_by_row_across_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "READ_BYTES", 5)
    rows = [{"a": 'x\\"]' * number, "b": [1, 2.5, None, "丹炉"]} for number in range(30)]
    (tmp_path / "x.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    assert read_rows(tmp_path / "x.json") == rows
    (tmp_path / "y.json").write_text("[12345, 678.25, true]")
    assert read_rows(tmp_path / "y.json") == [12345, 678.25, True]
