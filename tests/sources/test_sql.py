"""Rows of a database, with SQLite's own module as the reference."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from source_helpers import Heard

from danlu.artifacts.stage import Source
from danlu.errors import UserError
from danlu.sources import sql
from danlu.sources.errors import SourceUnavailableError
from danlu.sources.fetch import fetch, parse
from danlu.telemetry.reporter import Reporter

QUERY = "SELECT id, text, date, score FROM posts ORDER BY id"
ROWS = [(1, "丹炉 100% a:b", "2024-03-05", 0.5), (2, None, None, 7), (3, 'say "x"\n', "", "seven")]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "posts.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE posts (id INTEGER, text TEXT, date TEXT, score)")
        connection.executemany("INSERT INTO posts VALUES (?, ?, ?, ?)", ROWS)
    return path


class Read:
    """Reads a URI with the database's folder as the base."""

    def __init__(self, base: Path, cache: Path, reporter: Reporter) -> None:
        self.base, self.cache, self.reporter = base, cache, reporter

    def __call__(self, query: str = QUERY, url: str = "sqlite:///posts.db") -> Source:
        return fetch(f"sql:{url}#{query}", cache=self.cache, reporter=self.reporter, base=self.base)


class Listener(Heard):
    """Also hears of rows."""

    def on_progress(self, task: Any) -> None:
        self.progress[task.description] = (task.completed, task.total)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def read(tmp_path: Path, cache: Path, database: Path, listener: Listener) -> Read:
    return Read(tmp_path, cache, Reporter([listener]))


def rows(source: Source) -> list[tuple[Any, ...]]:
    return [tuple(json.loads(line).values()) for line in source.path.read_text(encoding="utf-8").splitlines()]


def test_rows_are_those_of_the_database(read: Read, listener: Listener) -> None:
    source = read()
    assert rows(source) == ROWS
    assert source.path.name == "rows.jsonl"
    assert source.record.uri == f"sql:sqlite:///posts.db#{QUERY}"
    assert not listener.warnings
    assert json.loads(source.path.read_text(encoding="utf-8").splitlines()[0])["date"] == "2024-03-05"


def test_signs_of_drivers_are_signs(read: Read) -> None:
    assert rows(read("SELECT id FROM posts WHERE text LIKE '%100%' AND text != ':x' AND '%s' = '%s'")) == [(1,)]


def test_the_hash_is_that_of_the_rows(read: Read, database: Path) -> None:
    first = read()
    assert read().record.sha256 == first.record.sha256
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE other (x)")
    assert read().record.sha256 == first.record.sha256
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE posts SET text = 'new' WHERE id = 2")
    assert read().record.sha256 != first.record.sha256
    assert rows(read())[1][1] == "new"


def test_nothing_is_changed(read: Read, database: Path) -> None:
    with pytest.raises(UserError, match="does not begin with SELECT or WITH"):
        read("DELETE FROM posts")
    with pytest.raises(UserError, match="does not begin with SELECT or WITH"):
        read("/* select */ DROP TABLE posts -- select")
    with pytest.raises(UserError, match="attempt to write a readonly database"):
        read("WITH x AS (SELECT 1) DELETE FROM posts")
    assert rows(read()) == ROWS


def test_missing_order_is_warned_of(read: Read, listener: Listener) -> None:
    read("SELECT id FROM posts -- order by id")
    assert "has no ORDER BY" in listener.warnings[0]


def test_the_environment_says_where(read: Read, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTS", f"sqlite:///{database}")
    source = read(url="$POSTS")
    assert rows(source) == ROWS
    assert str(database) not in source.record.uri
    monkeypatch.delenv("POSTS")
    with pytest.raises(UserError, match="environment variable POSTS is not set"):
        read(url="$POSTS")


@pytest.mark.parametrize(
    "url", ["postgresql://ada:hunter2@db/sales", "mysql://db/sales?password=hunter2", "postgresql://:hunter2@db/x"]
)
def test_passwords_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(UserError, match="has a password in it") as caught:
        parse(f"sql:{url}#SELECT 1")
    assert "hunter2" not in caught.value.what + caught.value.hint


@pytest.mark.parametrize("url", ["sqlite://ada:hunter2@host/x.db", "nonsense+x://ada:hunter2@db/x", "no URL: hunter2"])
def test_passwords_of_the_environment_stay_there(read: Read, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("POSTS", url)
    with pytest.raises(UserError) as caught:
        read(url="$POSTS")
    assert "hunter2" not in f"{caught.value.what} {caught.value.hint}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("sql:sqlite:///posts.db", "A database is missing|A query is missing"),
        ("sql:#SELECT 1", "A database is missing"),
        ("sql:posts.db#SELECT 1", "is no URL of a database"),
        ("sql:sqlite:///gone.db#SELECT 1 ORDER BY 1", "There is no file"),
        ("sql:sqlite:///posts.db#SELECT * FROM gone ORDER BY 1", "no such table: gone"),
        ("sql:sqlite:///posts.db#SELECT id, id FROM posts ORDER BY 1", "several columns called 'id'"),
        ("sql:sqlite:///posts.db#SELECT x'00ff' AS b ORDER BY 1", "gives bytes"),
        ("sql:sqlite:///posts.db?timeout=long#SELECT 1 ORDER BY 1", "has options that do not fit .timeout"),
        ("sql:nonsense://db/x#SELECT 1 ORDER BY 1", "is no kind of database"),
        ("sql:oracle://db/x#SELECT 1 ORDER BY 1", "need the package .* which is not installed"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(tmp_path: Path, read: Read, uri: str, what: str) -> None:
    with pytest.raises(UserError, match=what) as caught:
        fetch(uri, cache=read.cache, reporter=read.reporter, base=tmp_path)
    assert "\n" not in caught.value.what
    assert caught.value.hint


def test_a_file_that_is_no_database_is_named(read: Read, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises(UserError, match="file is not a database"):
        read(url="sqlite:///text.db")


def test_an_unreachable_server_is_one_that_cannot_be_had(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("connection with hunter2 refused")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    monkeypatch.setattr("sqlite3.dbapi2.connect", refuse)
    with pytest.raises(SourceUnavailableError, match="cannot be reached: connection with hunter2 refused"):
        read()


def test_rows_are_held_some_at_a_time(read: Read, database: Path) -> None:
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40000)"
    query = f"{numbers} SELECT x, printf('%.*c', 500, 'a') AS text FROM n ORDER BY x"
    tracemalloc.start()
    source = read(query)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert source.record.num_bytes > 20_000_000
    assert peak < 8_000_000
    assert rows(source)[-1][0] == 40_000


def test_dates_are_iso(read: Read) -> None:
    assert sql._plain(datetime(2024, 3, 5, 9)) == "2024-03-05T09:00:00"


def test_paths_are_meant_from_a_directory(tmp_path: Path, database: Path) -> None:
    uri = sql.anchored(f"sql:sqlite:///posts.db#{QUERY}", tmp_path)
    assert uri == f"sql:sqlite:///{database}#{QUERY}"
    assert sql.anchored(uri, Path("/")) == uri
    assert sql.anchored(f"sql:$POSTS#{QUERY}", tmp_path) == f"sql:$POSTS#{QUERY}"
