"""The cache: damage is found and mended, a full disk leaves nothing half-written, a protected one says so."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import FileServer, Served
from source_helpers import Fetching, Heard

from danlu.errors import UserError
from danlu.sources.cache import Cache
from danlu.sources.errors import DiskFullError
from danlu.telemetry.reporter import Reporter

URI = "pypi:x==1#a.txt"


def maker(name: str, body: bytes) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return directory / name.partition("/")[0]

    return make


def refuse(directory: Path) -> Path:
    raise AssertionError("it is in the cache")


@pytest.fixture
def store(cache: Path, reporter: Reporter) -> Cache:
    return Cache(cache, reporter)


@pytest.mark.parametrize("name", ["a.txt", "tree/a.txt"])
@pytest.mark.parametrize("damage", ["cut", "altered", "removed"])
def test_damage_is_said_and_mended(store: Cache, heard: Heard, name: str, damage: str) -> None:
    source = store.obtain(URI, maker(name, b"abc"))
    assert store.obtain(URI, refuse) == source
    file = source.path / "a.txt" if source.path.is_dir() else source.path
    if damage == "removed":
        shutil.rmtree(source.path) if source.path.is_dir() else source.path.unlink()
    else:
        file.write_bytes(b"ab" if damage == "cut" else b"abX")
    assert store.find(URI) is None
    assert store.obtain(URI, maker(name, b"abc")) == source
    assert file.read_bytes() == b"abc"
    assert len(heard.warnings) == 1
    assert URI in heard.warnings[0]


@pytest.mark.parametrize("index", ["", "{", "[]", '{"uri": "x"}', "evil"])
def test_illegible_index_counts_as_absent(store: Cache, cache: Path, index: str) -> None:
    store.obtain(URI, maker("a.txt", b"abc"))
    (file,) = (cache / "uris").iterdir()
    if index == "evil":
        index = json.dumps({**json.loads(file.read_text()), "name": "../../../../etc/passwd"})
    file.write_text(index)
    assert store.obtain(URI, maker("a.txt", b"abc")).path.read_bytes() == b"abc"


def test_same_content_under_two_names(store: Cache) -> None:
    first = store.obtain("u:1", maker("a.txt", b"abc"))
    second = store.obtain("u:2", maker("b.json", b"abc"))
    assert first.record.sha256 == second.record.sha256
    assert (first.path.name, second.path.name) == ("a.txt", "b.json")
    assert first.path.read_bytes() == second.path.read_bytes() == b"abc"


def test_what_failed_is_kept_only_if_it_can_be_continued(store: Cache, cache: Path) -> None:
    def fail(directory: Path) -> Path:
        assert not any(directory.iterdir())
        (directory / "begun").write_bytes(b"x")
        raise UserError("no", "no")

    with pytest.raises(UserError):
        store.obtain(URI, fail)
    assert not any((cache / "partial").iterdir())
    with pytest.raises(UserError):
        store.obtain(URI, fail, resumable=True)

    def go_on(directory: Path) -> Path:
        return (directory / "begun").rename(directory / "a.txt")

    assert store.obtain(URI, go_on, resumable=True).path.read_bytes() == b"x"


@pytest.mark.parametrize("resumable", [True, False])
def test_full_disk_leaves_nothing(store: Cache, cache: Path, resumable: bool) -> None:
    def fill(directory: Path) -> Path:
        (directory / "a.txt").write_bytes(b"12345")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskFullError, match=rf"5 bytes of {URI} were written to {cache}.*bytes are free") as caught:
        store.obtain(URI, fill, resumable=resumable)
    assert "DANLU_CACHE" in caught.value.hint
    assert not any((cache / "partial").iterdir())
    assert not (cache / "blobs").exists()


@pytest.mark.parametrize("length", [True, False])
def test_really_full_disk(server: FileServer, cache: Path, fetching: Fetching, length: bool) -> None:
    """On a file system of 3 MB; the size of the download is known beforehand, or not."""
    pytest.importorskip("aiohttp")
    mount = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    cache.mkdir()
    script = f'mount -t tmpfs -o size=3m none {cache} && "$@" && test -z "$(find {cache} -size +1k)"'
    if shutil.which("unshare") is None or subprocess.run([*mount, script, "sh", "true"], check=False).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    server.files["/a.bin"] = Served(bytes(10_000_000), length=length)
    output, errors = fetching.start(f"{server.url}/a.bin", cache, (*mount, script, "sh")).communicate(timeout=30)
    result = json.loads(output)
    assert result["error"] == "DiskFullError"
    assert str(cache) in result["what"]
    assert ("needs 10000000 bytes" if length else "The disk is full") in result["what"]
    assert not errors


def test_cache_that_cannot_be_made(tmp_path: Path, reporter: Reporter) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written") as caught:
        Cache(tmp_path / "file" / "cache", reporter).obtain(URI, refuse)
    assert "DANLU_CACHE" in caught.value.hint
