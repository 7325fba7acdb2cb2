"""Artifacts that were altered, cut short or taken away are made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., tuple[int, str, str]]


def run(toy_cli: Cli) -> dict[str, Any]:
    status, out, _ = toy_cli("run", "recipe.yaml", "--json")
    assert status == 0
    stages: dict[str, Any] = json.loads(out.splitlines()[-1])["stages"]
    return stages


def alter(artifact: Path) -> None:
    (artifact / "total.json").write_text("99.0")


def cut(artifact: Path) -> None:
    (artifact / "total.json").write_text("")


def lose_file(artifact: Path) -> None:
    (artifact / "total.json").unlink()


def lose_manifest(artifact: Path) -> None:
    (artifact / "artifact.json").unlink()


def cut_manifest(artifact: Path) -> None:
    manifest = artifact / "artifact.json"
    manifest.write_text(manifest.read_text()[:100])


@pytest.mark.parametrize("damage", [alter, cut, lose_file, lose_manifest, cut_manifest])
def test_damaged_artifact_is_made_again(toy_cli: Cli, damage: Callable[[Path], None]) -> None:
    before = run(toy_cli)
    path = Path(before["sum"]["path"])
    good = (path / "total.json").read_text()
    damage(path)
    status, out, err = toy_cli("run", "recipe.yaml", "--json")
    assert status == 0
    assert f"sum: warning: model {before['sum']['artifact']} is damaged" in err
    after = json.loads(out.splitlines()[-1])["stages"]
    assert [name for name in after if not after[name]["cached"]] == ["sum"]
    assert after["sum"]["artifact"] == before["sum"]["artifact"]
    assert (path / "total.json").read_text() == good
    assert all(stage["cached"] for stage in run(toy_cli).values())


def test_removed_artifact_is_made_again(toy_cli: Cli) -> None:
    before = run(toy_cli)
    shutil.rmtree(before["rows"]["path"])
    after = run(toy_cli)
    assert [name for name in after if not after[name]["cached"]] == ["rows"]


def test_artifacts_lists_a_damaged_one(toy_cli: Cli) -> None:
    cut_manifest(Path(run(toy_cli)["sum"]["path"]))
    status, out, _ = toy_cli("artifacts", "--json")
    found = json.loads(out)["artifacts"]
    assert status == 0
    assert [each["damaged"] for each in found].count(True) == 1
    assert "damaged" in toy_cli("artifacts")[1]


def test_records_cut_short_do_not_hinder(toy_cli: Cli) -> None:
    run(toy_cli)
    for name in ("run.json", "plan.json", "events.jsonl"):
        path = Path("workspace/runs/toy") / name
        path.write_text(path.read_text()[:-20])
    assert all(stage["cached"] for stage in run(toy_cli).values())
    assert toy_cli("status", "toy")[0] == 0
    assert toy_cli("logs", "toy")[0] == 0
