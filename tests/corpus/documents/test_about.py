"""What sources say of documents goes along with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danlu.artifacts.corpus import DOCUMENT_SCHEMA, read_documents
from document_files import CORE, MAIL, TEXT, Cleaned, book, clean_files, docx, make_pdf, page, paragraph, parquet

HTML = f"<html><head><title>The wall</title></head><body><p>{TEXT}</p></body></html>".encode()


def about(cleaned: Cleaned) -> dict[str, tuple[Any, Any, Any]]:
    return {row["source"].rpartition("/")[2]: (row["title"], row["url"], row["date"]) for row in cleaned.rows}


def test_of_formats(tmp_path: Path) -> None:
    files = {
        "a.html": HTML,
        "b.pdf": make_pdf([[TEXT]], "Wall"),
        "c.docx": docx(paragraph(TEXT), **{"docProps/core.xml": CORE}),
        "d.epub": book({"one.xhtml": HTML}),
        "e.eml": MAIL,
        "f.warc": page("http://example.org/wall", HTML),
        "g.txt": TEXT.encode(),
    }
    assert about(clean_files(tmp_path, files)) == {
        "a.html": ("The wall", None, None),
        "b.pdf": ("Wall", None, "2024-03-05T09:00:00+00:00"),
        "c.docx": ("The Wall", None, "2024-03-05T09:00:00Z"),
        "d.epub": ("The Mill · The wall", None, "1957"),
        "e.eml": ("The wall", None, "2024-03-05T09:00:00+00:00"),
        "f.warc": ("The wall", "http://example.org/wall", "2024-03-05T09:00:00Z"),
        "g.txt": (None, None, None),
    }


def test_of_rows(tmp_path: Path) -> None:
    moment = datetime(2024, 3, 5, 9, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"text": "0", "title": " The\n wall ", "url": "http://a", "date": "2024"},
        {"text": "1", "title": None, "url": "", "timestamp": 1709629200},
        {"text": "2", "title": ["no"], "url": True, "date": None, "timestamp": "then"},
        {"text": "3", "title": "half \ud83d", "url": "x" * 3000, "date": "d", "timestamp": "t"},
        {"text": "4"},
    ]
    files = {
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "b.parquet": parquet([{"text": "5", "date": moment}]),
        "c.csv": b"text,title,url\n6,T,http://b\n",
    }
    found = {row["text"]: (row["title"], row["url"], row["date"]) for row in clean_files(tmp_path, files).rows}
    assert found == {
        "0": ("The wall", "http://a", "2024"),
        "1": (None, None, "1709629200"),
        "2": (None, None, "then"),
        "3": ("half ?", None, "d"),
        "4": (None, None, None),
        "5": (None, None, "2024-03-05T09:00:00+00:00"),
        "6": ("T", "http://b", None),
    }


def test_titles_and_addresses_do_not_say_who_somebody_is(tmp_path: Path) -> None:
    rows = [
        {"text": "one", "title": "Mail of ada@example.com", "url": "http://a/wall", "date": "2024"},
        {"text": "two", "title": "Wall", "url": "http://a/?user=ada@example.com"},
    ]
    cleaned = clean_files(tmp_path, {"a.jsonl": "\n".join(map(json.dumps, rows)).encode()}, personal={})
    assert [(row["title"], row["url"], row["date"]) for row in cleaned.rows] == [
        (None, "http://a/wall", "2024"),
        ("Wall", None, None),
    ]


@pytest.mark.parametrize("lacking", [["title", "url", "date"], ["score", "title", "url", "date"]])
def test_artifacts_made_before_are_read(tmp_path: Path, lacking: list[str]) -> None:
    schema = pa.schema([field for field in DOCUMENT_SCHEMA if field.name not in lacking])
    row = {"id": "1", "text": TEXT, "source": "file:a", "row": 0, "label": "x", "score": 1.0}
    pq.write_table(pa.Table.from_pylist([row], schema), tmp_path / "train-00000.parquet")
    (batch,) = read_documents(tmp_path, "train")
    assert batch.schema.names == DOCUMENT_SCHEMA.names
    assert batch.to_pylist() == [{**row, **dict.fromkeys(lacking)}]
