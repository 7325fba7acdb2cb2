"""``danlu data inspect``, ``diff`` and ``card``: what programs read, what people see, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from danlu.cli.main import run_cli

WORDS = "the river and the stone have walked to the mountain of light and be with that"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "raw").mkdir()
    for name in ("a", "b"):
        texts = [f"{name}{n} " + " ".join(WORDS.split()[: n % 16 + 1]) for n in range(40)]
        (tmp_path / "raw" / f"{name}.txt").write_text("\n".join(texts), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_cli(["data", *arguments]) == 0
    return capsys.readouterr().out


def call_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(capsys, *arguments, "--json").splitlines()[-1])
    return found


def clean(capsys: pytest.CaptureFixture[str], min_words: int) -> str:
    quality = f"quality={{sets: [gopher_quality], gopher_quality: {{min_words: {min_words}, min_stop_words: null}}}}"
    stage = call_json(capsys, "clean", "raw", "--set", "documents=lines", "--set", quality)["stages"]["data"]
    return str(stage["artifact"])


def test_an_artifact_by_any_of_its_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its_id = clean(capsys, 8)
    path = f"workspace/artifacts/corpus/{its_id}"
    found = [call_json(capsys, "inspect", name) for name in ("data.data", "data", its_id, its_id[:6], path)]
    assert all(each["id"] == its_id for each in found)
    assert found[0]["funnel"]["num_read"] == 80
    page = Path(found[0]["html"])
    assert page.parent == folder / "workspace" / "pages"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_other_thresholds_and_the_difference_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = clean(capsys, 8)
    setting = "quality.gopher_quality.min_words=5"
    moved = call_json(capsys, "inspect", before, "--set", setting)["moved"]
    after = clean(capsys, 5)
    difference = call_json(capsys, "diff", before, after, "--html", "diff.html")
    assert (moved["num_back"], moved["num_gone"]) == (difference["num_added"], difference["num_removed"])
    assert moved["num_back"] > 0
    assert difference["settings"] == {"quality.gopher_quality.min_words": [8, 5]}
    assert (folder / "diff.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    older_first = call_json(capsys, "diff", after)
    assert set(older_first["ids"]) == {before, after}


def test_what_people_see(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its_id = clean(capsys, 8)
    setting = "quality.gopher_quality.min_words=5"
    shown = call(capsys, "inspect", "data", "--set", setting, "--html", "page.html", "--language", "chinese")
    for said in ("80", "Lengths", "Funnel", "fewer than 8 words", "would come back", "a.txt", "page.html"):
        assert said in shown
    assert '<html lang="zh">' in (folder / "page.html").read_text(encoding="utf-8")
    other = clean(capsys, 5)
    shown = call(capsys, "diff", its_id, other)
    assert "quality.gopher_quality.min_words: 8 → 5" in shown
    assert "added" in shown
    assert "The card of data" in call(capsys, "card", its_id, "--out", "card.md", "--language", "chinese")
    assert "## 来源、许可与同意" in (folder / "card.md").read_text(encoding="utf-8")


def test_raw_files_leave_nothing_behind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = call_json(capsys, "inspect", "raw", "--set", "documents=lines", "--html", "raw.html")
    assert (whole["id"], whole["funnel"]["num_read"]) == (None, 80)
    assert not list((folder / "workspace" / "artifacts").rglob("*.parquet"))
    sample = call_json(capsys, "inspect", "raw", "--set", "documents=lines", "--sample", "10")
    assert sample["funnel"]["num_read"] == 10
    assert sample["notes"]
    one_file = call_json(capsys, "inspect", "raw/a.txt", "--sample", "1", "--set", "documents=lines")
    assert one_file["funnel"]["num_read"] == 1
    judged = call_json(
        capsys, "inspect", "raw", "--set", "documents=lines", "--set", "quality={sets: [gopher_quality]}"
    )
    assert "gopher_quality" in [step["filter"] for step in judged["funnel"]["steps"]]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["inspect", "nothing"], "nothing"),
        (["inspect", "data", "--set", "quality.gopher_quality.min_wrods=3"], "min_words"),
        (["inspect", "data", "--set", "deduplicate.near=0.5"], "Clean again"),
        (["inspect", "raw", "--set", "documents=pages"], "documents"),
        (["diff", "data"], "only one version"),
        (["diff", "data", "nothing"], "nothing"),
        (["card", "nothing"], "nothing"),
        (["inspect", "data", "--html", "/proc/nowhere/page.html"], "cannot be written"),
    ],
)
def test_mistakes_end_with_two(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    clean(capsys, 8)
    assert run_cli(["data", *arguments]) == 2
    assert what in " ".join(capsys.readouterr().err.split())
