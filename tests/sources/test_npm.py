"""npm packages, from a registry on loopback that has one package."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import tarfile
import time
from pathlib import Path

import pytest
from loopback import FileServer, Served
from source_helpers import Heard

from danlu.sources.errors import MemberMissingError, SourceUnavailableError
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def add_package(server: FileServer, name: str, version: str, files: dict[str, bytes]) -> None:
    files = {"package.json": json.dumps({"name": name, "version": version}).encode(), **files}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, body in files.items():
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    tarball = buffer.getvalue()
    dist = {
        "tarball": f"{server.url}/{name}/-/{version}.tgz",
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode(),
    }
    document = {
        "name": name,
        "dist-tags": {"latest": version},
        "versions": {version: {"name": name, "version": version, "dist": dist}},
    }
    server.files[f"/{name.replace('/', '%2f')}"] = Served(
        json.dumps(document).encode(), headers={"Content-Type": "application/json"}
    )
    server.files[f"/{name}/-/{version}.tgz"] = Served(tarball)


@pytest.fixture
def registry(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    return server


@needs_npm
@pytest.mark.parametrize("name", ["poems", "@scope/poems"])
def test_file_and_whole_package(registry: FileServer, cache: Path, reporter: Reporter, heard: Heard, name: str) -> None:
    add_package(registry, name, "2.0.1", {"dist/tang.json": b"[]", "dist/song.json": b"[1]"})
    assert fetch(f"npm:{name}@2.0.1#dist/tang.json", cache=cache, reporter=reporter).path.read_bytes() == b"[]"
    registry.files.clear()
    assert fetch(f"npm:{name}@2.0.1#dist/song.json", cache=cache, reporter=reporter).path.read_bytes() == b"[1]"
    whole = fetch(f"npm:{name}@2.0.1", cache=cache, reporter=reporter).path
    assert whole.name == "poems-2.0.1"
    assert sorted(path.name for path in whole.iterdir()) == ["dist", "package.json"]
    with pytest.raises(MemberMissingError) as caught:
        fetch(f"npm:{name}@2.0.1#dist/tan.json", cache=cache, reporter=reporter)
    assert "'dist/tang.json'" in caught.value.hint
    assert sum("through npm" in message for message in heard.messages) == 1


@needs_npm
def test_unknown_version(registry: FileServer, cache: Path, reporter: Reporter) -> None:
    add_package(registry, "poems", "2.0.1", {})
    with pytest.raises(SourceUnavailableError, match=r"poems@3\.0\.0.*No matching version"):
        fetch("npm:poems@3.0.0#a", cache=cache, reporter=reporter)


@needs_npm
def test_altered_tarball_is_refused(registry: FileServer, cache: Path, reporter: Reporter) -> None:
    add_package(registry, "poems", "2.0.1", {"a": b"a"})
    registry.files["/poems/-/2.0.1.tgz"].body += b"x"
    with pytest.raises(SourceUnavailableError, match="poems"):
        fetch("npm:poems@2.0.1#a", cache=cache, reporter=reporter)


@needs_npm
def test_unreachable_registry_fails_soon(
    registry: FileServer, cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1:9"):
        fetch("npm:poems@2.0.1#a", cache=cache, reporter=reporter)
    assert time.monotonic() - started < 15


def test_machine_without_npm(cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailableError, match="npm is not installed"):
        fetch("npm:poems@2.0.1#a", cache=cache, reporter=reporter)
