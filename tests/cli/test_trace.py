"""``danlu trace``: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.cli.main import run_cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A workspace with one corpus: three documents, one of them twice, one too short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DANLU_PERSONAL_KEY", raising=False)
    rows = ["The first of them, by alice@example.com.", "The second of them.", "The second  of them.", "no"]
    Path("texts.jsonl").write_text("\n".join(json.dumps({"text": row}) for row in rows), encoding="utf-8")
    assert run_cli(["data", "clean", "texts.jsonl", "--set", "min_characters=5", "--json"]) == 0
    capsys.readouterr()
    return tmp_path


def test_a_text_leads_to_what_holds_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["trace", "text", "The second of\nthem.", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["is_whole"]
    assert [(each["split"], each["row"]) for each in found["held"]] == [("train", 1)]
    assert [each["reason"].split(" of ")[0] for each in found["left_out"]] == ["exact duplicate"]
    assert run_cli(["trace", "document", found["id"]]) == 0
    assert "split train" in capsys.readouterr().out
    assert run_cli(["trace", "text", "of them"]) == 0
    assert "--inside" in capsys.readouterr().out
    assert run_cli(["trace", "text", "of them", "--inside", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_documents"] == 2


def test_a_person_is_found_where_nothing_was_treated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["trace", "person", "Alice@Example.com"]) == 0
    said = capsys.readouterr().out
    assert "1 documents, as it is" in said
    assert "DANLU_PERSONAL_KEY" in said
    assert "lice@" not in said
    assert run_cli(["trace", "person", "bob@example.com", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "nobody", "--step", "1"],
        ["row", "packed", "3"],
        ["document", "0123456789abcdef"],
        ["text", " "],
        ["person", "x"],
    ],
)
def test_mistakes_end_with_two(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run_cli(["trace", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err
