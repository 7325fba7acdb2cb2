"""Packages through pip, from a folder of wheels and source archives and no index at all."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from source_helpers import Fetching, Heard

from danlu.sources.errors import MemberMissingError, SourceUnavailableError
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

METADATA = b"Metadata-Version: 2.1\nName: Dan-Test\nVersion: 1.0\n"
# A build backend of its own inside the archive, so that pip needs no other package to ask it for its metadata.
PYPROJECT = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = (
    b"""
import os
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    name = "dan_test-1.0.dist-info"
    os.makedirs(os.path.join(directory, name))
    with open(os.path.join(directory, name, "METADATA"), "wb") as file:
        file.write(%r)
    return name
def build_wheel(directory, config_settings=None, metadata_directory=None):
    raise SystemExit("not wanted")
"""
    % METADATA
)


def add_wheel(links: Path, rows: bytes = b"[1]") -> None:
    with zipfile.ZipFile(links / "dan_test-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("dan_test/rows.json", rows)
        wheel.writestr("dan_test-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("dan_test-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("dan_test-1.0.dist-info/RECORD", "")


def add_source(links: Path, backend: bytes = BACKEND) -> None:
    files = {"pyproject.toml": PYPROJECT, "backend.py": backend, "PKG-INFO": METADATA}
    files |= {"data/rows.json": b"[2]", "data/more.json": b"[3]"}
    with tarfile.open(links / "dan_test-1.0.tar.gz", "w:gz") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(f"dan_test-1.0/{name}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "links").mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    return tmp_path / "links"


def empty(links: Path) -> None:
    for path in links.iterdir():
        path.unlink()


def test_wheel_is_preferred_and_then_offline(links: Path, cache: Path, reporter: Reporter) -> None:
    add_wheel(links)
    add_source(links)
    uri = "pypi:dan-test==1.0#dan_test/rows.json"
    source = fetch(uri, cache=cache, reporter=reporter)
    assert source.path.read_bytes() == b"[1]"
    assert source.path.name == "rows.json"
    empty(links)
    assert fetch(uri, cache=cache, reporter=reporter) == source
    # The wheel itself is kept, too: another path in it needs no pip.
    other = fetch("pypi:dan-test==1.0#dan_test-1.0.dist-info/METADATA", cache=cache, reporter=reporter)
    assert other.path.read_bytes() == METADATA
    with pytest.raises(SourceUnavailableError):
        fetch(uri.replace("1.0", "2.0"), cache=cache, reporter=reporter)


def test_source_archive_where_the_wheel_lacks_the_path(
    links: Path, cache: Path, reporter: Reporter, heard: Heard
) -> None:
    add_wheel(links)
    add_source(links)
    assert fetch("pypi:dan-test==1.0#data/rows.json", cache=cache, reporter=reporter).path.read_bytes() == b"[2]"
    empty(links)
    assert fetch("pypi:dan-test==1.0#data/more.json", cache=cache, reporter=reporter).path.read_bytes() == b"[3]"
    folder = fetch("pypi:dan-test==1.0#data", cache=cache, reporter=reporter).path
    assert sorted(path.name for path in folder.iterdir()) == ["more.json", "rows.json"]
    with pytest.raises(MemberMissingError, match=r"data/row\.json") as caught:
        fetch("pypi:dan-test==1.0#data/row.json", cache=cache, reporter=reporter)
    assert "'data/rows.json'" in caught.value.hint
    assert sum("through pip" in message for message in heard.messages) == 2


def test_only_a_source_archive(links: Path, cache: Path, reporter: Reporter) -> None:
    add_source(links)
    whole = fetch("pypi:dan-test==1.0", cache=cache, reporter=reporter).path
    assert whole.name == "dan-test-1.0"
    assert (whole / "data" / "rows.json").read_bytes() == b"[2]"


def test_path_missing_and_no_source_archive(links: Path, cache: Path, reporter: Reporter) -> None:
    add_wheel(links)
    with pytest.raises(SourceUnavailableError, match=r"no 'dan_test/row\.json'.*no source archive") as caught:
        fetch("pypi:dan-test==1.0#dan_test/row.json", cache=cache, reporter=reporter)
    assert "'dan_test/rows.json'" in caught.value.hint


def test_unknown_package(links: Path, cache: Path, reporter: Reporter) -> None:
    with pytest.raises(SourceUnavailableError, match=r"dan-test==1\.0"):
        fetch("pypi:dan-test==1.0#x", cache=cache, reporter=reporter)
    assert not any((cache / "partial").iterdir())


def test_build_script_that_fails_is_named(links: Path, cache: Path, reporter: Reporter) -> None:
    add_source(links, backend=b"raise SystemExit(1)")
    with pytest.raises(SourceUnavailableError, match="build script failed"):
        fetch("pypi:dan-test==1.0#data/rows.json", cache=cache, reporter=reporter)


def test_unreachable_index_fails_soon(
    links: Path, cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="no connection"):
        fetch("pypi:dan-test==1.0#x", cache=cache, reporter=reporter)
    assert time.monotonic() - started < 15


def test_python_without_pip(tmp_path: Path, cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))
    with pytest.raises(SourceUnavailableError, match="has no pip") as caught:
        fetch("pypi:dan-test==1.0#x", cache=cache, reporter=reporter)
    assert "ensurepip" in caught.value.hint


def test_folder_named_pip_is_not_run(
    links: Path, tmp_path: Path, cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_wheel(links)
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit('not the real pip')")
    monkeypatch.chdir(tmp_path)
    assert fetch("pypi:dan-test==1.0#dan_test/rows.json", cache=cache, reporter=reporter).path.exists()


def test_kill_at_any_moment_leaves_a_usable_cache(
    links: Path, cache: Path, reporter: Reporter, fetching: Fetching
) -> None:
    add_wheel(links, rows=bytes(20_000_000))
    uri = "pypi:dan-test==1.0#dan_test/rows.json"
    for seconds in (0.3, 0.6, 0.9):
        process = fetching.start(uri, cache)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for index in (cache / "uris").glob("*.json"):
            entry = json.loads(index.read_text())
            assert (cache / "blobs" / entry["sha256"] / entry["name"]).stat().st_size == entry["num_bytes"]
    assert fetch(uri, cache=cache, reporter=reporter).path.read_bytes() == bytes(20_000_000)
    assert not any((cache / "partial").iterdir()) or not any((cache / "partial").rglob("rows.json"))
