"""``danlu diagnose``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]


def write_log(path: Path, losses: list[float], validation: list[float] | None = None) -> None:
    records = [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)]
    every = len(losses) // len(validation) if validation else 1
    for place, loss in enumerate(validation or [], start=1):
        records.append({"step": place * every, "val_loss": loss})
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


@pytest.fixture
def over_fitted(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    write_log(path, [4.0 / step**0.5 for step in range(1, 101)], [3.0, 2.5, 2.2, 2.0, 2.1, 2.3, 2.5, 2.8, 3.1, 3.4])
    return path


def test_a_finding_is_said_in_plain_words(toy_cli: Cli, over_fitted: Path) -> None:
    status, out, _ = toy_cli("diagnose", str(over_fitted))
    assert status == 0
    assert f"✗ {over_fitted}: over-fitting" in out.replace("\n", " ").replace("  ", " ")
    assert "The validation loss was best at step 40, 2, and has risen to" in " ".join(out.split())
    assert any("\u2800" < character <= "\u28ff" for character in out)
    assert "More rows, or more varied ones, help most." in out


def test_a_healthy_log_is_so(toy_cli: Cli, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", [4.0 / step**0.5 + 1 for step in range(1, 101)])
    status, out, _ = toy_cli("diagnose", str(tmp_path / "log.jsonl"), "--fail-on", "warning")
    assert status == 0
    assert "nothing wrong" in out
    assert "over-fitting: no validation loss was recorded" in out


def test_json_has_everything(toy_cli: Cli, over_fitted: Path) -> None:
    status, out, err = toy_cli("diagnose", str(over_fitted), "--json")
    assert status == 0
    found = json.loads(out)
    (training,) = found["trainings"]
    assert training["severity"] == "critical"
    assert [finding["ailment"] for finding in training["findings"]] == ["over_fitting"]
    assert training["findings"][0]["numbers"]["best_step"] == 40
    assert training["unseen"]["slow_rank"]
    assert err == ""


@pytest.mark.parametrize(("limit", "status"), [("never", 0), ("warning", 3), ("critical", 3)])
def test_it_can_stand_guard(toy_cli: Cli, over_fitted: Path, limit: str, status: int) -> None:
    assert toy_cli("diagnose", str(over_fitted), "--fail-on", limit)[0] == status


def test_a_page_is_written(toy_cli: Cli, over_fitted: Path, tmp_path: Path) -> None:
    status, out, _ = toy_cli("diagnose", str(over_fitted), "--html", "page.html")
    assert status == 0
    assert "page.html" in out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Over-fitting" in page


def test_a_page_that_cannot_be_written_is_said(toy_cli: Cli, over_fitted: Path) -> None:
    status, _, err = toy_cli("diagnose", str(over_fitted), "--html", "missing/page.html")
    assert status == 2
    assert "The page missing/page.html cannot be written" in err


def test_an_unknown_run_is_a_mistake(toy_cli: Cli) -> None:
    toy_cli("run", "recipe.yaml", "--quiet")
    status, _, err = toy_cli("diagnose", "toi")
    assert status == 2
    assert "There is no run 'toi'" in err
    assert "Did you mean 'toy'?" in err


def test_a_run_that_trains_nothing_is_said(toy_cli: Cli) -> None:
    toy_cli("run", "recipe.yaml", "--quiet")
    status, _, err = toy_cli("diagnose", "toy")
    assert status == 2
    assert "trains nothing" in err


def test_no_run_at_all(toy_cli: Cli) -> None:
    status, _, err = toy_cli("diagnose")
    assert status == 2
    assert "There are no runs" in err


def test_an_unknown_limit_is_a_mistake(toy_cli: Cli, over_fitted: Path) -> None:
    status, _, err = toy_cli("diagnose", str(over_fitted), "--fail-on", "warnings")
    assert status == 2
    assert "Did you mean 'warning'?" in err
