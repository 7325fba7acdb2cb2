"""A user's mistakes: one line and a hint, exit status 2, no traceback, and JSON where it was asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", "absent.yaml"], "There is no recipe 'absent.yaml'."),
        (["run", "."], "'.' is a directory"),
        (["run", "recipe.yaml", "--set", "sum.facto=1"], "unknown key 'facto'"),
        (["run", "recipe.yaml", "--set", "sum.factor=x"], "sum.factor must be a number"),
        (["run", "recipe.yaml", "--set", "proof.models=[rows]"], "needs a model"),
        (["run", "recipe.yaml", "--set", "sum.disk_bytes=1000000000000000000"], "Not enough disk"),
        (["run", "recipe.yaml", "--ask", "x"], "--ask needs a released model"),
        (["run", "recipe.yaml", "--workspace", "recipe.yaml"], "The workspace"),
        (["run", "recipe.yaml", "--workspace", "recipe.yaml/below"], "The workspace"),
        (["run", "recipe.yaml", "--colour"], "No such option"),
        (["run"], "Missing argument 'RECIPE'"),
        (["rnu", "recipe.yaml"], "No such command 'rnu'"),
        (["plan", "absent.yaml"], "There is no recipe 'absent.yaml'."),
        (["plan", "recipe.yaml", "--set", "rows.from=[gone.txt]"], "gone.txt"),
        (["status", "absent"], "There is no run 'absent'"),
        (["logs", "absent"], "There is no run 'absent'"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_mistakes(toy_cli: Cli, arguments: list[str], what: str, as_json: bool) -> None:
    status, out, err = toy_cli(*arguments, *(["--json"] if as_json else []))
    assert status == 2
    first, hint = err.rstrip("\n").splitlines()[-2:]
    assert first.startswith("danlu: ")
    assert what in first
    assert hint.startswith("  ")
    assert len(hint.strip()) > 5
    if as_json:
        error = json.loads(out.splitlines()[-1])["error"]
        assert set(error) == {"what", "hint"}
        assert what in error["what"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_workspace_without_permission(toy_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    status, _, err = toy_cli("run", "recipe.yaml", "--workspace", "locked")
    assert status == 2
    assert "not writable" in err or "cannot be created" in err


def test_stage_fails(toy_cli: Cli) -> None:
    status, out, err = toy_cli("run", "recipe.yaml", "--json", "--set", "sum.fail=a broken stage")
    assert status == 1
    assert "A fault in Danlu: RuntimeError: a broken stage" in err
    report = Path(err.rstrip().split()[-1])
    assert "Traceback" in report.read_text()
    report.unlink()
    assert "error" in json.loads(out.splitlines()[-1])
    status, out, _ = toy_cli("status", "toy", "--json")
    record = json.loads(out)
    assert (record["state"], record["stages"]["sum"]["state"]) == ("failed", "failed")
    assert record["stages"]["rows"]["state"] == "done"
    assert record["stages"]["other"]["state"] == "pending"
    assert not list(Path("workspace/artifacts/model").glob(".*"))


def test_interrupt(toy_cli: Cli) -> None:
    status, _, err = toy_cli("run", "recipe.yaml", "--set", "sum.fail=interrupt")
    assert status == 130
    assert "give the same command again to go on" in err
    assert json.loads(toy_cli("status", "toy", "--json")[1])["stages"]["sum"]["state"] == "interrupted"
    status, out, _ = toy_cli("status", "toy")
    assert "Go on with: danlu run" in out
