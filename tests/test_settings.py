"""Where a workspace lies, and what is said when it cannot lie there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.settings import Workspace

NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[None]:
    """No rights that the superuser alone has."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that every user can reach, as pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path
        path.chmod(0o755)


@pytest.fixture(autouse=True)
def no_cache_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DANLU_CACHE", raising=False)


def test_everything_lies_in_the_workspace(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "some" / "where")
    root = tmp_path / "some" / "where"
    assert (workspace.root, workspace.database) == (root, root / "danlu.db")
    assert sorted(path.name for path in root.iterdir()) == ["artifacts", "cache", "runs"]
    assert (workspace.artifacts, workspace.runs, workspace.cache) == (root / "artifacts", root / "runs", root / "cache")


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    (Workspace.open(tmp_path).runs / "kept").write_text("here")
    assert (Workspace.open(tmp_path).runs / "kept").read_text() == "here"


def test_root_is_absolute_whatever_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Workspace.open("here").root == tmp_path / "here"
    assert Workspace.open("~/work").root == tmp_path / "home" / "work"
    (tmp_path / "link").symlink_to(tmp_path / "here")
    assert Workspace.open(tmp_path / "link").root == tmp_path / "here"


def test_cache_can_be_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANLU_CACHE", str(tmp_path / "shared"))
    first, second = Workspace.open(tmp_path / "one"), Workspace.open(tmp_path / "two")
    assert first.cache == second.cache == tmp_path / "shared"
    assert (tmp_path / "shared").is_dir()
    assert not (tmp_path / "one" / "cache").exists()


def test_empty_cache_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANLU_CACHE", "")
    assert Workspace.open(tmp_path).cache == tmp_path / "cache"


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_file_in_place_of_the_workspace(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(UserError) as caught:
        Workspace.open(tmp_path / "file" / inside)
    assert caught.value.what.startswith(f"The workspace {tmp_path / 'file' / inside} cannot be created: ")
    assert "--workspace" in caught.value.hint
    assert (tmp_path / "file").read_text() == "not a directory"


def test_home_of_nobody() -> None:
    with pytest.raises(UserError, match="~nobody-of-this-name/w: there is no such home"):
        Workspace.open("~nobody-of-this-name/w")


def test_file_in_place_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("DANLU_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError) as caught:
        Workspace.open(tmp_path / "workspace")
    assert caught.value.what == f"The cache {tmp_path / 'file'} cannot be created: File exists."
    assert "DANLU_CACHE" in caught.value.hint


def test_place_where_nothing_may_be_made(public_directory: Path) -> None:
    public_directory.chmod(0o555)
    with without_privileges(), pytest.raises(UserError, match=r"cannot be created: Permission denied") as caught:
        Workspace.open(public_directory / "workspace")
    assert str(public_directory / "workspace") in caught.value.what


@pytest.mark.parametrize("cache_exists", [True, False])
def test_workspace_of_someone_else(public_directory: Path, cache_exists: bool) -> None:
    Workspace.open(public_directory)
    if not cache_exists:
        (public_directory / "cache").rmdir()
    public_directory.chmod(0o555)
    with without_privileges(), pytest.raises(UserError) as caught:
        Workspace.open(public_directory)
    assert caught.value.what == f"The workspace {public_directory} is not writable."
