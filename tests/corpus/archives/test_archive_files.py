"""Files in archives, beside what the standard library and a plain folder say of them."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.artifacts.splits import SPLITS
from danlu.corpus.archives import stretch, zips
from danlu.corpus.archives.entry import unsafe
from danlu.corpus.archives.listing import Listing, with_members
from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.streams import opened
from danlu.corpus.working import driver, pool
from danlu.errors import UserError
from document_files import TEXT, Cleaned, clean_files, every_kind, tarred, zipped

FILES = {"one/a.txt": b"first file\n", "b.jsonl": b'{"text": "second"}\n' * 40, "丹/炉.md": "丹炉".encode() * 500}
ARCHIVES = {
    "x.zip": zipped,
    "stored.zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "bzip2.zip": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "x.tar": tarred,
    "x.tar.gz": lambda files: tarred(files, "gz"),
    "x.TGZ": lambda files: tarred(files, "gz"),
    "x.tar.bz2": lambda files: tarred(files, "bz2"),
    "x.tar.xz": lambda files: tarred(files, "xz"),
    "x.tar.zst": lambda files: pa.compress(tarred(files), "zstd", asbytes=True),
}


def listed(directory: Path, name: str, data: bytes) -> Listing:
    (directory / name).write_bytes(data)
    scratch = directory / "scratch"
    scratch.mkdir(exist_ok=True)
    return with_members([SourceFile(directory / name, name, None)], scratch)


def contents(found: Listing) -> dict[str | None, bytes]:
    read = {}
    for file in found.files:
        with opened(file) as stream:
            read[file.relative] = stream.read()
    return read


def reasons(found: Listing) -> dict[str, str]:
    return {error.name: error.reason for error in found.bad_files}


@pytest.mark.parametrize("name", ARCHIVES)
def test_files_are_what_was_put_in(tmp_path: Path, name: str) -> None:
    found = listed(tmp_path, name, ARCHIVES[name](FILES))
    assert contents(found) == FILES
    assert [file.uri for file in found.files] == [f"{name}!/{each}" for each in FILES]
    assert not found.bad_files


ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
BAD = [
    "../a.txt",
    "a/../../b",
    "/etc/passwd",
    "C:\\x.txt",
    "..\\a",
    "a/./b",
    "..a",
    "a..",
    "丹.txt",
    "a//b",
    "~/x",
    "nul",
]
NAMES = ANY | st.sampled_from(BAD)


@given(st.dictionaries(NAMES, st.binary(max_size=40), max_size=6), st.sampled_from(["x.zip", "x.tar", "x.tar.gz"]))
@settings(deadline=None, max_examples=200)
def test_any_names(files: dict[str, bytes], name: str) -> None:
    """Nothing is ever written but the tar archive without its packing, whatever names say."""
    data = ARCHIVES[name](files)
    if name == "x.zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            expected = {info.orig_filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    else:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            expected = {each.name: tar.extractfile(each).read() for each in tar if each.isreg()}  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as directory:
        found = listed(Path(directory), name, data)
        kept = {each: content for each, content in expected.items() if not unsafe(each)}
        nested = [each for each in kept if each.lower().endswith((".zip", ".tar"))]
        assert contents(found) == {each: content for each, content in kept.items() if each not in nested}
        assert {f"{name}!/{each}" for each in expected if unsafe(each) or each in nested} <= set(reasons(found))
        assert {path.name for path in Path(directory).rglob("*")} <= {name, "scratch", "0.tar"}


def test_what_leads_out_is_set_aside(tmp_path: Path) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind, link in [
            ("../up.txt", tarfile.REGTYPE, ""),
            ("/root.txt", tarfile.REGTYPE, ""),
            ("soft", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "good.txt"),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("folder", tarfile.DIRTYPE, ""),
            ("good.txt", tarfile.REGTYPE, ""),
            ("inner.tar.gz", tarfile.REGTYPE, ""),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            archive.addfile(info)
    found = listed(tmp_path, "x.tar", target.getvalue())
    assert [file.relative for file in found.files] == ["good.txt"]
    assert reasons(found) == {
        "x.tar!/../up.txt": "its name in the archive leads out of it ('..')",
        "x.tar!//root.txt": "its name in the archive is an absolute path",
        "x.tar!/soft": "it is a link",
        "x.tar!/hard": "it is a link",
        "x.tar!/device": "it is no regular file",
        "x.tar!/pipe": "it is no regular file",
        "x.tar!/inner.tar.gz": "it is an archive in an archive",
    }


def test_members_of_zip_that_cannot_be_read_are_set_aside(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("locked.txt", "secret")
        archive.writestr("strange.txt", "packed")
        archive.writestr("good.txt", "good")
        archive.getinfo("locked.txt").flag_bits |= 1
        archive.getinfo("strange.txt").compress_type = 98
    found = listed(tmp_path, "x.zip", target.getvalue())
    assert contents(found) == {"good.txt": b"good"}
    assert reasons(found) == {
        "x.zip!/link.txt": "it is a link",
        "x.zip!/locked.txt": "it is encrypted with a password",
        "x.zip!/strange.txt": "it is packed in a way that is not known (method 98)",
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_of_equal_names_the_last_counts(tmp_path: Path, name: str) -> None:
    """As unpacking would leave it."""
    target = io.BytesIO()
    if name == "x.zip":
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("a.txt", "old")
            archive.writestr("a.txt", "new")
    else:
        with tarfile.open(fileobj=target, mode="w") as tar:
            for content in (b"old", b"new"):
                info = tarfile.TarInfo("a.txt")
                info.size = 3
                tar.addfile(info, io.BytesIO(content))
    found = listed(tmp_path, name, target.getvalue())
    assert contents(found) == {"a.txt": b"new"}
    assert reasons(found) == {f"{name}!/a.txt": "a later file in the archive has the same name"}


def test_names_of_chinese_windows(tmp_path: Path) -> None:
    data = bytearray(zipped({"ABCD.txt": b"x", "cafX.txt": b"y"}))
    for old, new in ((b"ABCD", "丹炉".encode("gb2312")), (b"cafX", "café".encode("cp437"))):
        while (place := data.find(old)) >= 0:
            data[place : place + 4] = new
    assert contents(listed(tmp_path, "x.zip", bytes(data))) == {"丹炉.txt": b"x", "café.txt": b"y"}


NOISE = {f"{number}.txt": random.Random(number).randbytes(700) for number in range(4)}


@pytest.mark.parametrize("name", ARCHIVES)
def test_of_an_archive_that_is_cut_off_what_is_there_is_read(tmp_path: Path, name: str) -> None:
    """Cut anywhere: never a file that is not whole or another one's, and never silence."""
    data = ARCHIVES[name](NOISE)
    most = 0
    for size in [*range(0, len(data), 97), len(data) - 1]:
        found = listed(tmp_path, name, data[:size])
        problems = list(found.bad_files)
        whole = 0
        for file in found.files:
            try:
                with opened(file) as stream:
                    assert stream.read() == NOISE[str(file.relative)]
                whole += 1
            except BadFileError as error:
                problems.append(error)
        assert problems or whole == len(NOISE)  # some padding is missing
        most = max(most, whole)
    assert most >= 3 or name == "x.tar.zst"  # which is one block


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_damaged_archives_are_read_or_named(tmp_path: Path, name: str) -> None:
    """Bytes changed anywhere give files, or reasons, and no other error."""
    data, rng = ARCHIVES[name](NOISE), random.Random(3)
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 5)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        for file in listed(tmp_path, name, bytes(broken)).files:
            try:
                with opened(file) as stream:
                    stream.read()
            except BadFileError:
                pass


def test_large_sizes_are_found_without_the_list(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, archive.open("a.txt", "w", force_zip64=True) as member:
        member.write(b"abc")
    found = listed(tmp_path, "x.zip", target.getvalue()[:-30])
    assert contents(found) == {"a.txt": b"abc"}
    assert reasons(found) == {"x.zip": "this is not a whole zip archive (File is not a zip file)"}


def test_empty_archives_are_named(tmp_path: Path) -> None:
    for name in ("x.zip", "x.tar", "x.tar.gz"):
        assert reasons(listed(tmp_path, name, ARCHIVES[name]({}))) == {name: "the archive holds no files"}


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    """A thousandth of what they say they hold is more than is written or held of each."""
    zeros = b"\0" * 2**26
    for name, data in [
        ("x.zip", zipped({"a.txt": zeros})),
        ("y.zip", zipped({"a.txt.gz": gzip.compress(zeros, mtime=0)}, zipfile.ZIP_STORED)),
        ("z.zip", zipped({"a.txt.gz": gzip.compress(zeros, mtime=0)})),
        ("x.txt.gz", gzip.compress(zeros, mtime=0)),
    ]:
        (file,) = listed(tmp_path, name, data).files
        count = 0
        with pytest.raises(BadFileError, match="it unpacks to more than 250 times its size"), opened(file) as stream:  # noqa: PT012
            while part := stream.read(2**20):
                count += len(part)
        assert count <= 17 * 2**20
    found = listed(tmp_path, "x.tar.gz", tarred({"a.txt": zeros}, "gz"))
    assert reasons(found)["x.tar.gz"] == "it unpacks to more than 250 times its size"
    assert (tmp_path / "scratch" / "0.tar").stat().st_size <= 17 * 2**20


def test_members_that_lie_in_one_another_are_set_aside(tmp_path: Path) -> None:
    """As in archives of some kilobytes that hold petabytes."""
    data = zipped({"a.txt": TEXT.encode(), "b.txt": TEXT.encode()})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        second = archive.getinfo("b.txt").header_offset
    at = data.rindex(b"PK\x01\x02") + 42
    assert struct.unpack_from("<L", data, at) == (second,)
    found = listed(tmp_path, "x.zip", data[:at] + struct.pack("<L", 5) + data[at + 4 :])
    assert contents(found) == {"a.txt": TEXT.encode()}
    assert "another file lies" in reasons(found)["x.zip!/b.txt"]


def test_headers_of_any_size_are_not_held(tmp_path: Path) -> None:
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.XHDTYPE, 2**32
    found = listed(tmp_path, "x.tar", info.tobuf() + b"0" * 2**22)
    assert reasons(found) == {"x.tar": "this is not a whole tar archive (a header or list of more than 1 MiB)"}


def test_more_members_than_can_be_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MAX_MEMBERS", 2)
    monkeypatch.setattr("danlu.corpus.archives.tars.MAX_MEMBERS", 2)
    assert reasons(listed(tmp_path, "x.zip", zipped(NOISE))) == {"x.zip": "it holds more than 2 files"}
    found = listed(tmp_path, "x.tar", tarred(NOISE))
    assert len(found.files) == 2
    assert reasons(found) == {"x.tar": "it holds more than 2 files"}


def without_sources(cleaned: Cleaned) -> list[dict[str, Any]]:
    return [{**row, "source": row["source"].rpartition("/")[2]} for row in cleaned.rows]


@pytest.mark.parametrize("name", ["x.zip", "stored.zip", "x.tar", "x.tar.zst"])
def test_every_kind_of_file_reads_as_in_a_folder(tmp_path: Path, name: str) -> None:
    files = every_kind()
    files |= {f"{each}.gz": gzip.compress(content) for each, content in files.items()}
    plain = clean_files(tmp_path / "plain", files)
    packed = clean_files(tmp_path / "packed", {f"in/{name}": ARCHIVES[name](dict(sorted(files.items())))})
    assert plain.texts == [TEXT] * len(files)
    assert without_sources(packed) == without_sources(plain)
    assert packed.rows[0]["source"] == f"file:raw/in/{name}!/a.txt"
    assert not (tmp_path / "packed" / "stage" / "checkpoints" / "archives").exists()


@pytest.mark.parametrize("name", ["x.zip", "stored.zip", "x.tar", "x.tar.gz"])
def test_two_processes_write_what_one_writes(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "PART_BYTES", 4000)
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    rng = random.Random(5)
    lines = [f'{{"text": "{rng.random()} {rng.randint(0, 60)}"}}' for _ in range(600)]
    files = {"a.jsonl": "\n".join(lines).encode(), "b.txt": "\n".join(lines[:50]).encode()}
    files["c.jsonl.gz"] = gzip.compress("\n".join(lines[100:300]).encode())
    found = []
    for processes in (1, 2):
        directory = tmp_path / str(processes)
        settings = {"documents": "lines", "split": {"test": 0.2}, "deduplicate": {"near": 0.9}}
        found.append(clean_files(directory, {name: ARCHIVES[name](files)}, processes=processes, **settings))
    for each in SPLITS:
        one, two = (cleaned.out / f"{each}-00000.parquet" for cleaned in found)
        assert one.read_bytes() == two.read_bytes()
    plain = clean_files(tmp_path / "plain", files, **settings)
    assert without_sources(found[0]) == without_sources(plain)


def test_patterns_choose_members(tmp_path: Path, reporter: Any) -> None:
    inner = zipped({"a.txt": b"one", "b.md": b"two", "deep/c.txt": b"three", "old/d.txt": b"four"})
    files = {"x.zip": inner, "skip/y.zip": b"no archive", "e.txt": b"five"}
    chosen = clean_files(tmp_path, files, reporter, include=["*.txt"], exclude=["*/old/*", "skip/*"])
    expected = ["e.txt", "x.zip!/a.txt", "x.zip!/deep/c.txt"]
    assert [row["source"] for row in chosen.rows] == [f"file:raw/{each}" for each in expected]
    assert "3 of 5 files are chosen by include and exclude." in reporter.messages


def test_a_broken_archive_spoils_no_other_file(tmp_path: Path, reporter: Any) -> None:
    files = {"a.zip": b"PK no", "b.tar.gz": gzip.compress(b"no tar" * 200), "c.txt": b"text", "d.tar": b""}
    cleaned = clean_files(tmp_path, files, reporter)
    assert cleaned.texts == ["text"]
    assert cleaned.dropped == {
        "file:raw/a.zip": "this is not a whole zip archive (File is not a zip file)",
        "file:raw/b.tar.gz": "this is not a whole tar archive (invalid header)",
        "file:raw/d.tar": "this is not a whole tar archive (empty file)",
    }
    assert cleaned.facts["num_files_set_aside"] == 3
    with pytest.raises(UserError, match="not a whole zip"):
        clean_files(tmp_path / "alone", {"a.zip": b"PK no"})


def test_a_stretch_is_a_file() -> None:
    data = bytes(range(200))
    found = io.BufferedReader(stretch.Stretch(io.BytesIO(data), 20, 100), 16)
    assert found.read() == data[20:120]
    found.seek(-10, io.SEEK_END)
    assert found.read(4) == data[110:114]
    found.seek(50)
    assert (found.tell(), found.read(3)) == (50, data[70:73])
    with pytest.raises(EOFError):
        stretch.Stretch(io.BytesIO(data), 150, 100).readall()
