"""Files in archives are found again by what artifacts call them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from danlu.artifacts.manifest import SourceRecord
from danlu.corpus.files import SourceFile
from danlu.corpus.streams import opened
from danlu.pipeline.tracing.sources import found_file
from danlu.settings import Workspace
from danlu.sources.tree import hash_path
from document_files import tarred, zipped


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_member_is_found_in_its_archive(tmp_path: Path, workspace: Workspace, name: str, whole: bool) -> None:
    files = {"one/a.txt": b"first", "b.txt": b"second"}
    (tmp_path / "raw").mkdir()
    archive = tmp_path / "raw" / name
    archive.write_bytes(zipped(files) if name == "x.zip" else tarred(files, "gz" if name.endswith("gz") else ""))
    source = archive if whole else archive.parent
    uri = f"file:{source}"
    sha256, num_bytes = hash_path(source)
    record = SourceRecord(uri=uri, sha256=sha256, num_bytes=num_bytes)
    manifest = cast(Any, SimpleNamespace(sources=[record], name="texts"))
    for each, content in files.items():
        called = f"{uri}!/{each}" if whole else f"{uri}/{name}!/{each}"
        with found_file(workspace, manifest, called) as found:
            assert isinstance(found, SourceFile)
            with opened(found) as stream:
                assert stream.read() == content
    with found_file(workspace, manifest, f"{uri}!/gone" if whole else f"{uri}/{name}!/gone") as gone:
        assert isinstance(gone, str)
        assert "gone is no longer in the archive" in gone
