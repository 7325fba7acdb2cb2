"""Local files and directories: used in place, and missed with a hint."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.sources.errors import SourceUnavailableError
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter


@pytest.mark.parametrize("form", ["rows #1.json", "file:rows #1.json", "file:{}", "{}"])
def test_file_is_used_where_it_lies(tmp_path: Path, cache: Path, reporter: Reporter, form: str) -> None:
    path = tmp_path / "rows #1.json"
    path.write_bytes(b"[]")
    source = fetch(form.format(path), cache=cache, reporter=reporter, base=tmp_path)
    assert source.path == path
    assert source.record.sha256 == hashlib.sha256(b"[]").hexdigest()
    assert source.record.num_bytes == 2
    assert not cache.exists()


def test_file_url_is_unquoted(tmp_path: Path, cache: Path, reporter: Reporter) -> None:
    (tmp_path / "a b.txt").write_bytes(b"x")
    assert fetch((tmp_path / "a b.txt").as_uri(), cache=cache, reporter=reporter).path == tmp_path / "a b.txt"


def test_home_and_working_directory(
    tmp_path: Path, cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch("~/a.txt", cache=cache, reporter=reporter).path == tmp_path / "a.txt"
    monkeypatch.chdir(tmp_path)
    assert fetch("a.txt", cache=cache, reporter=reporter).path == tmp_path / "a.txt"
    with pytest.raises(UserError, match="unknown user"):
        fetch("~nobody-of-this-name/a.txt", cache=cache, reporter=reporter)


def test_missing_file_suggests_its_neighbours(tmp_path: Path, cache: Path, reporter: Reporter) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "alpaca_en.json").touch()
    with pytest.raises(SourceUnavailableError) as caught:
        fetch("data/alpaca-en.json", cache=cache, reporter=reporter, base=tmp_path)
    assert "Did you mean 'alpaca_en.json'?" in caught.value.hint
    with pytest.raises(SourceUnavailableError) as caught:
        fetch("dota/alpaca_en.json", cache=cache, reporter=reporter, base=tmp_path)
    assert "Did you mean 'data'?" in caught.value.hint


def test_unfit_paths(tmp_path: Path, cache: Path, reporter: Reporter) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.txt").touch()
    for name, problem in [
        ("empty", "is empty"),
        ("pipe", "neither a file"),
        ("a.txt/b", "no file or directory"),
        ("x" * 300, "cannot be read"),
    ]:
        with pytest.raises(UserError, match=problem):
            fetch(name, cache=cache, reporter=reporter, base=tmp_path)
