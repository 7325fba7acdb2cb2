"""``danlu data``: one stage by hand."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.examples import read_examples
from danlu.cli.main import run_cli


def test_a_folder_becomes_a_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("one\n\ntwo\n\none", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run_cli(["data", "clean", "raw", "--set", "documents=paragraphs", "--json"]) == 0
    stage = json.loads(capsys.readouterr().out)["stages"]["data"]
    rows = [row for batch in read_documents(Path(stage["path"]), "train") for row in batch.to_pylist()]
    assert [(row["text"], row["source"].endswith("/raw/a.txt"), row["row"]) for row in rows] == [
        ("one", True, 0),
        ("two", True, 1),
    ]
    assert run_cli(["data", "clean", "raw", "--set", "documents=paragraphs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"]["data"]["cached"]


def test_conversations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "chats.jsonl").write_text('{"prompt": "q", "completion": "a"}\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run_cli(["data", "clean", "chats.jsonl", "--into", "examples", "--name", "chats", "--json"]) == 0
    stage = json.loads(capsys.readouterr().out)["stages"]["chats"]
    assert len(read_examples(Path(stage["path"]), "train")) == 1


def test_rows_of_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that have changed make another artifact; what is not asked for does not. Passwords are nowhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANLU_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("POSTS", f"sqlite:///file:{tmp_path / 'posts.db'}?uri=true&secret=hunter2")
    paths = []
    for sql, url in [
        ("CREATE TABLE posts (id, text); INSERT INTO posts VALUES (1, 'one'), (2, 'two')", "sqlite:///posts.db"),
        ("CREATE TABLE other (id)", "sqlite:///posts.db"),
        ("UPDATE posts SET text = 'three' WHERE id = 2", "$POSTS"),
    ]:
        with sqlite3.connect("posts.db") as connection:
            connection.executescript(sql)
        assert run_cli(["data", "clean", f"sql:{url}#SELECT text FROM posts ORDER BY id", "--json"]) == 0
        paths.append(json.loads(capsys.readouterr().out)["stages"]["data"]["path"])
    assert paths[0] == paths[1] != paths[2]
    rows = [row for batch in read_documents(Path(paths[2]), "train") for row in batch.to_pylist()]
    assert [(row["text"], row["source"]) for row in rows] == [
        ("one", "sql:$POSTS#SELECT text FROM posts ORDER BY id"),
        ("three", "sql:$POSTS#SELECT text FROM posts ORDER BY id"),
    ]
    assert run_cli(["data", "clean", "sql:postgresql://ada:hunter2@db/x#SELECT 1"]) == 2
    assert "has a password in it" in capsys.readouterr().err
    for path in [*tmp_path.rglob("*")]:
        assert not path.is_file() or b"hunter2" not in path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nowhere.txt"], "nowhere.txt"),
        (["a.txt", "--set", "documents=pages"], "documents"),
        (["a.txt", "--name", "7"], "name"),
    ],
)
def test_mistakes_end_with_two(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    what: str,
) -> None:
    (tmp_path / "a.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    assert run_cli(["data", "clean", *arguments]) == 2
    assert what in capsys.readouterr().err


def test_paths_in_settings_are_meant_from_where_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a rotten apple"}\n{"text": "a fresh apple"}\n', encoding="utf-8")
    (tmp_path / "words.txt").write_text("rotten\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = ["--set", "toxicity={max_matches: 0}", "--set", "toxic_words=words.txt"]
    assert run_cli(["data", "clean", "a.jsonl", *settings, "--json"]) == 0
    stage = json.loads(capsys.readouterr().out)["stages"]["data"]
    (batch,) = read_documents(Path(stage["path"]), "train")
    assert batch.column("text").to_pylist() == ["a fresh apple"]
