"""Documents of every format, put together from strings, and the stage that cleans them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Source, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


CORE = """<cp:coreProperties xmlns:cp="cp" xmlns:dc="dc" xmlns:dcterms="dcterms"><dc:title>The Wall</dc:title>
<dc:creator>Ada</dc:creator><dcterms:modified>2024-03-05T09:00:00Z</dcterms:modified></cp:coreProperties>"""


def docx(body: str, **more: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "word/document.xml", f'<w:document xmlns:w="{WORD}" xmlns:mc="mc"><w:body>{body}</w:body></w:document>'
        )
        for member, content in more.items():
            archive.writestr(member, content)
    return target.getvalue()


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


TO_UNICODE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap end end"""


def make_pdf(pages: Sequence[Sequence[str]], title: str = "") -> bytes:
    """A line of text below the other on each page. Glyphs are numbered as Unicode numbers characters."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % (7 + 2 * n) for n in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 "
        b"R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering "
        b"(Identity) /Supplement 0 >> /DW 500 >>",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(TO_UNICODE), TO_UNICODE),
        b"<< /Title (%s) /CreationDate (D:20240305090000Z) >>" % title.encode(),
    ]
    for number, lines in enumerate(pages):
        drawn = b"".join(
            b"1 0 0 1 50 %d Tm <%s> Tj " % (750 - 14 * at, line.encode("utf-16-be").hex().encode())
            for at, line in enumerate(lines)
            if line
        )
        content = b"BT /F 10 Tf %sET" % drawn
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F 3 0 R >> >> /Contents "
            b"%d 0 R >>" % (8 + 2 * number)
        )
        objects.append(b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content))
    out, offsets = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    begin = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, begin))
    return out.getvalue()


CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile '
    'full-path="OEBPS/book.opf"/></rootfiles></container>'
)


PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>The Mill</dc:title><dc:creator>E. Roe</dc:creator>
<dc:language>en</dc:language><dc:date>1957</dc:date></metadata>
<manifest>{items}</manifest><spine>{spine}</spine></package>"""


CHAPTER = (
    '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/>'
    "</head><body><h1>{0}</h1><p>Words of {0}.</p></body></html>"
)


def book(chapters: dict[str, str | bytes], **more: str | bytes) -> bytes:
    """An archive whose spine names these chapters by their href."""
    items = "".join(
        f'<item id="c{n}" href="{href}" media-type="application/xhtml+xml"/>' for n, href in enumerate(chapters)
    )
    items += (
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="i" '
        'href="i.png" media-type="image/png"/>'
    )
    spine = '<itemref idref="nav"/><itemref idref="i"/>' + "".join(
        f'<itemref idref="c{n}"/>' for n in range(len(chapters))
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", PACKAGE.format(items=items, spine=spine))
        archive.writestr("OEBPS/nav.xhtml", CHAPTER.format("contents"))
        for href, content in chapters.items():
            if content:
                archive.writestr("OEBPS/" + href.replace("%20", " "), content)
        for member, content in more.items():
            archive.writestr(member, content)
    return target.getvalue()


PAGE = (
    "<html><head><title>The wall</title></head><body><p>The wall was built in 1887, and it has been mended twice "
    "since.</p></body></html>"
)


def record(kind: str, body: bytes, url: str = "", content: str = "application/http;msgtype=response") -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{0:032x}>\r\nWARC-Date: 2024-03-05T09:00:00Z\r\n"
    )
    head += f"WARC-Target-URI: {url}\r\n" if url else ""
    return f"{head}Content-Type: {content}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def answer(body: bytes, status: str = "200 OK", kind: str = "text/html; charset=utf-8", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body


def page(url: str, body: bytes = PAGE.encode(), **named: str) -> bytes:
    return record("response", answer(body, **named), url)


TEXT = "The wall was built in 1887, and it has been mended twice since."
MAIL = f"From: ada@example.org\nSubject: The wall\nDate: Tue, 5 Mar 2024 09:00:00 +0000\n\n{TEXT}\n".encode()


def parquet(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def arrow(rows: list[dict[str, object]]) -> bytes:
    sink, table = io.BytesIO(), pa.Table.from_pylist(rows)
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def every_kind() -> dict[str, bytes]:
    """A file of every kind that can be read, by its name; each says `TEXT` and nothing else."""
    rows: list[dict[str, object]] = [{"text": TEXT}]
    return {
        "a.txt": TEXT.encode(),
        "b.md": TEXT.encode(),
        "c.json": json.dumps(rows).encode(),
        "d.jsonl": json.dumps(rows[0]).encode(),
        "e.csv": f'text\n"{TEXT}"\n'.encode(),
        "f.tsv": f"text\n{TEXT}\n".encode(),
        "g.parquet": parquet(rows),
        "h.arrow": arrow(rows),
        "i.html": f"<html><body><p>{TEXT}</p></body></html>".encode(),
        "j.pdf": make_pdf([[TEXT]]),
        "k.docx": docx(paragraph(TEXT)),
        "l.epub": book({"one.xhtml": f"<html><body><p>{TEXT}</p></body></html>"}),
        "m.eml": MAIL,
        "n.mbox": b"From ada Tue Mar  5 09:00:00 2024\n" + MAIL,
        "o.warc": page("http://example.org/", f"<html><body><p>{TEXT}</p></body></html>".encode()),
    }


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def tarred(files: Mapping[str, bytes], packing: Literal["", "gz", "bz2", "xz"] = "") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@dataclass(frozen=True)
class Cleaned:
    """What the stage makes of files."""

    facts: dict[str, Any]
    out: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of all splits."""
        return [row for split in SPLITS for batch in read_documents(self.out, split) for row in batch.to_pylist()]

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows]

    @property
    def dropped(self) -> dict[str, str]:
        """Reasons by source."""
        return {row["source"]: row["reason"] for row in read_dropped(self.out)}


def clean_files(
    directory: Path, files: Mapping[str, bytes], reporter: Reporter | None = None, **settings: Any
) -> Cleaned:
    """Have ``do: clean`` make a corpus of a folder of files, which it calls file:raw.

    Args:
        directory: An empty one.
        files: Contents by path.
        reporter: Told of what is set aside.
        settings: Of the stage. Repetitions stay unless they say otherwise.
    """
    raw, out = directory / "raw", directory / "out"
    for folder in (raw, out):
        folder.mkdir(parents=True)
    for name, content in files.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content)
    return clean_sources(
        [Source(raw, SourceRecord(uri="file:raw", sha256="0" * 64, num_bytes=0))], directory, reporter, **settings
    )


def clean_sources(sources: list[Source], directory: Path, reporter: Reporter | None = None, **settings: Any) -> Cleaned:
    """The same of any sources; `directory` has a folder out."""
    settings = {"deduplicate": {"exact": False}, **settings}
    uris = [source.record.uri for source in sources]
    workspace = Workspace(directory / "workspace")
    context = StageContext(
        name="texts",
        workspace=workspace,
        store=ArtifactStore(workspace.artifacts),
        reporter=reporter or Reporter(),
        directory=directory / "stage",
        inputs={},
        sources={"from": sources},
    )
    config = CleanConfig.model_validate({"do": "clean", "into": "corpus", "from": uris, **settings})
    return Cleaned(stage.run(config, context, directory / "out"), directory / "out")
