"""``danlu data``: one stage by hand."""

from __future__ import annotations

import json
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
