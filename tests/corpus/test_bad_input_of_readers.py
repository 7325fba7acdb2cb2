"""Whatever a file holds: the rows of others stay, nothing is silent, nothing is fatal, and memory is bounded."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from document_files import (
    TEXT,
    Cleaned,
    book,
    clean_files,
    docx,
    every_kind,
    make_pdf,
    page,
    paragraph,
    parquet,
    tarred,
    zipped,
)

GOOD = {"zz/good.jsonl": b'{"text": "the good row"}\n'}
KINDS = every_kind()
CHINESE = "人工智能是计算机科学的一个分支，它企图了解智能的实质，并生产出一种新的机器。" * 4
BINARY = random.Random(7).randbytes(5000)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + BINARY
MIB = 2**20


def cleaned(tmp_path: Path, files: dict[str, bytes], **settings: Any) -> Cleaned:
    """With a sound file beside them, whose row has to come through."""
    found = clean_files(tmp_path, {**files, **GOOD}, **settings)
    assert found.texts[-1] == "the good row"
    return found


def reason(tmp_path: Path, name: str, data: bytes, **settings: Any) -> str:
    """Why a file, or the first row of it that is left out, was set aside."""
    return cleaned(tmp_path, {name: data}, **settings).dropped[f"file:raw/{name}"]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("content", ["nothing", "noise", "picture", "zeros"])
def test_what_is_none_of_its_kind_is_set_aside(tmp_path: Path, name: str, content: str) -> None:
    data = {"nothing": b"", "noise": BINARY, "picture": PNG, "zeros": bytes(3000)}[content]
    found = cleaned(tmp_path, {name: data, f"{name}.gz": gzip.compress(data)})
    assert found.texts == ["the good row"]
    assert set(found.dropped) == {f"file:raw/{name}", f"file:raw/{name}.gz"}
    assert all(found.dropped.values())


@pytest.mark.parametrize("name", [name for name in KINDS if name[0] not in "abfimn"])
def test_what_is_cut_off_says_so(tmp_path: Path, name: str) -> None:
    """But for text, tabs, pages and mail, which may end anywhere."""
    data = KINDS[name]
    cut = {
        f"{size:06d}-{name}": data[:size]
        for size in {*range(1, len(data) - 3, max(1, len(data) // 25)), len(data) // 2}
    }
    found = cleaned(tmp_path, cut)
    told = {source.rpartition("/")[2] for source in found.dropped}
    whole = {row["source"].rpartition("/")[2] for row in found.rows if row["text"] == TEXT}
    assert told | whole >= set(cut)
    assert len(told) > len(cut) // 2


@pytest.mark.parametrize("name", KINDS)
def test_packing_that_is_cut_off_says_so(tmp_path: Path, name: str) -> None:
    packed = gzip.compress(KINDS[name])
    why = reason(tmp_path, f"{name}.gz", packed[: len(packed) - 5])
    assert "not a whole" in why or "cut off" in why


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.txt", CHINESE.encode() + b"\xe4\xb8", "byte 0xe4 is not valid UTF-8, and no other encoding fits (line 1)"),
        ("a.md", b"ok\n" * 2**17 + b"\xff\xfe", "byte 0xff is not valid UTF-8 (line 131073)"),
        ("a.json", b'[{"text": "\xff\x01"}]', "byte 0xff is not valid UTF-8, and no other encoding fits (line 1)"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "\xff\x01"}', "byte 0xff is not valid UTF-8"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-16"), "JSON lines in UTF-16 cannot be read"),
        ("a.csv", b"text\n\xff\x01\n", "byte 0xff is not valid UTF-8, and no other encoding fits (line 2)"),
        ("a.tsv", b"text\n" + (b"a" * 1023 + b"\n") * 300 + b"\xff\x01", "byte 0xff is not valid UTF-8 (after line "),
        ("a.json", b'[{"text": "a"}, {"text" "b"}]', "this is not JSON (Expecting ':' delimiter) (line 1)"),
        ("a.json", b'[{"text": "a"}', "this is not JSON (Expecting ',' delimiter) (line 1)"),
        ("a.json", b'"text"', "it holds a JSON str instead of a list of rows"),
        ("a.json", b"[" * 10**6, "this is not JSON (it is nested too deeply) (line 1)"),
        ("a.jsonl", b'{"text": "a"}\n{"text": ', "it is not JSON (Expecting value)"),
        ("a.jsonl", b'{"text": "a"}\n' + b"[" * 10**5, "it is nested too deeply"),
        ("a.jsonl", b'{"text": "a"}\n{"text": 1' + b"0" * 5000 + b"}", "a number has too many digits"),
        ("a.csv", b'text,b\n"a,1\n', "unexpected end of data (after line 1)"),
        ("a.csv", b"text,b\nx,1,2\n", "it has another number of fields than the header"),
        ("a.parquet", parquet([{"text": "a"}])[:-1], "this is not a whole Parquet file"),
        ("a.parquet", parquet([{"other": "a"}]), "no column is called 'text' or 'content' (it has 'other')"),
        ("a.html", b"<html><body></body></html>", "the page has no main text"),
        ("a.pdf", make_pdf([[]]), "the file holds no text, only pictures or nothing"),
        ("a.docx", zipped({"x": b""}), "this is a zip archive without word/document.xml, so not a DOCX file"),
        ("a.docx", b"\xd0\xcf\x11\xe0" * 9, "this is an old .doc file, or encrypted with a password"),
        ("a.epub", zipped({"x": b""}), "META-INF/container.xml or the package it names cannot be read"),
        ("a.epub", book({"../../../etc/passwd": b""}), "the chapter cannot be read: the archive lacks it"),
        ("a.eml", b"just words\n", "it begins with no header of mail"),
        ("a.warc", page("http://a", b"x")[:-20], "the file is cut off or damaged"),
        ("a.warc", page("http://a", b"x", kind="image/png"), "none of its 1 records is a page"),
        ("a.xyz", b"text", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    assert why in reason(tmp_path / "plain", name, data)
    in_zip = cleaned(tmp_path / "zip", {"x.zip": zipped({name: data})})
    assert why in in_zip.dropped[f"file:raw/x.zip!/{name}"]
    in_tar = cleaned(tmp_path / "tar", {"x.tar.gz": tarred({f"{name}.gz": gzip.compress(data)}, "gz")})
    assert why in in_tar.dropped[f"file:raw/x.tar.gz!/{name}.gz"]


def test_rows_before_a_mistake_stay(tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"row {number}"}) for number in range(3)]
    lines = "\n".join(f"row {number} {'丹' * 9}" for number in range(50_000))
    packed = gzip.compress(lines.encode())
    files = {
        "a.jsonl": "\n".join([rows[0], "{", rows[1], '"x"', rows[2]]).encode(),
        "b.json": f"[{', '.join(rows)}, {{".encode(),
        "c.csv": b'text\nrow 0\nrow 1\n"row 2\n',
        "d.txt.gz": packed[: len(packed) // 2],
    }
    found = cleaned(tmp_path, files, documents="lines")
    by_file = {name: [row["text"] for row in found.rows if row["source"].endswith(name)] for name in files}
    assert by_file["a.jsonl"] == by_file["b.json"] == ["row 0", "row 1", "row 2"]
    assert by_file["c.csv"] == ["row 0", "row 1"]
    assert 10_000 < len(by_file["d.txt.gz"]) < 40_000
    assert by_file["d.txt.gz"] == lines.split("\n")[: len(by_file["d.txt.gz"])]
    assert set(found.dropped) == {f"file:raw/{name}" for name in files}


@pytest.mark.parametrize("name", KINDS)
def test_damage_anywhere_gives_rows_or_reasons(tmp_path: Path, name: str) -> None:
    """Beside the file, in a zip archive of all of them, and packed."""
    rng = random.Random(name)
    files = {}
    for number in range(30):
        broken = bytearray(KINDS[name])
        for _ in range(rng.randint(1, 8)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        files[f"{number:02d}-{name}"] = bytes(broken)
    found = cleaned(tmp_path, {**files, "x.zip": zipped(files)})
    told = {row["source"] for row in found.rows} | set(found.dropped)
    assert told >= {f"file:raw/{each}" for each in files} | {f"file:raw/x.zip!/{each}" for each in files}


def pdf_of(packed: bytes) -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R >>",
        b"<< /Filter /FlateDecode /Length %d >> stream\n%s\nendstream" % (len(packed), packed),
    ]
    out, offsets = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    begin = out.tell()
    out.write(b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % begin)
    return out.getvalue()


def bombs() -> dict[str, bytes]:
    """Files of at most 300 kB that unpack to 128 MiB each."""
    blanks = b" " * 2**27
    text = {
        "a.txt": blanks,
        "b.jsonl": b'{"text": "' + blanks + b'"}',
        "c.json": b'[{"text": "' + blanks + b'"}]',
        "d.csv": b"text\n" + blanks,
        "e.html": b"<p>" + blanks,
        "f.eml": b"Subject: x\n\n" + blanks,
        "g.warc": page("http://a", blanks),
        "h.pdf": b"%PDF-1.7\n" + blanks,
        "i.parquet": b"PAR1" + blanks + b"PAR1",
    }
    found = {f"{name}.gz": gzip.compress(data, 6) for name, data in text.items()}
    found["j.zip"] = zipped({"a.txt": blanks, "b.jsonl.gz": gzip.compress(blanks)})
    found["k.tar.gz"] = tarred({"a.txt": blanks}, "gz")
    found["l.docx"] = docx(paragraph("x" * 2**27))
    found["m.epub"] = book({"one.xhtml": blanks})
    found["n.pdf"] = pdf_of(zlib.compress(blanks))
    return found


MEASURE = """
import json, resource, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from document_files import Source, SourceRecord, clean_files, clean_sources
directory, documents = Path(sys.argv[1]), sys.argv[2]
(directory / "warm").mkdir()
clean_files(directory / "warm", {{"a.jsonl": b'{{"text": "x"}}'}})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = Source(directory / "raw", SourceRecord(uri="file:raw", sha256="0" * 64, num_bytes=0))
(directory / "out").mkdir()
found = clean_sources([source], directory, documents=documents, processes=1)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({{"texts": [text[:30] for text in found.texts], "dropped": found.dropped, "mib": peak / 1024}}))
"""


def measured(directory: Path, documents: str = "file") -> dict[str, Any]:
    """What the stage makes of ``directory/raw``, in a process of its own, and by how many MiB that grew for it."""
    here = Path(__file__).resolve().parent.parent
    script = MEASURE.format(paths=[str(here)])
    command = [sys.executable, "-c", script, str(directory), documents]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_bombs_are_set_aside_within_bounds(tmp_path: Path) -> None:
    files = {**bombs(), **GOOD}
    for name, data in files.items():
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_bytes(data)
    found = measured(tmp_path)
    assert found["texts"] == ["the good row"]
    told = {source.split("!")[0].removeprefix("file:raw/") for source in found["dropped"]}
    assert told == {name for name in files if name not in GOOD}
    assert found["mib"] < 350


def test_one_long_line_is_not_held(tmp_path: Path) -> None:
    """80 MiB of words without an end under each name, where a line or row may have 64."""
    names = ["a.txt", "b.jsonl", "c.json", "d.csv", "e.html", "f.eml", "g.warc"]
    (tmp_path / "raw").mkdir()
    with (tmp_path / "raw" / names[0]).open("wb") as out:
        for _ in range(80):
            out.write(b"word " * (MIB // 5))
    for name in names[1:]:
        os.link(tmp_path / "raw" / names[0], tmp_path / "raw" / name)
    (tmp_path / "raw" / "z.jsonl").write_bytes(GOOD["zz/good.jsonl"])
    found = measured(tmp_path, "lines")
    assert found["texts"] == ["the good row"]
    assert set(found["dropped"]) == {f"file:raw/{name}" for name in names}
    assert found["dropped"]["file:raw/a.txt"] == "it is longer than 64 MiB"
    assert "more than 67,108,864 characters" in found["dropped"]["file:raw/c.json"]
    assert found["mib"] < 600
