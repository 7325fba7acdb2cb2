"""``danlu run``, ``plan``, ``status``, ``logs`` and ``artifacts`` on toy stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import danlu

Cli = Callable[..., tuple[int, str, str]]
RELEASE = "  release: {do: toy-release, name: toy-model, model: sum}\n"


def test_last_line_is_the_result(toy_cli: Cli) -> None:
    status, out, err = toy_cli("run", "recipe.yaml", "--json")
    assert status == 0
    result = json.loads(out.splitlines()[-1])
    assert set(result) == {"run", "stages"}
    assert result["run"] == "toy"
    assert list(result["stages"]) == ["rows", "sum", "other", "proof"]
    for stage in result["stages"].values():
        assert Path(stage["path"], "artifact.json").is_file()
        assert stage["cached"] is False
    assert "proof: warning: 2 models compared" in err


def test_python_gives_the_same_facts(toy_cli: Cli) -> None:
    _, out, _ = toy_cli("run", "recipe.yaml", "--json")
    result = danlu.run("recipe.yaml", set={"sum.factor": 2})
    told = json.loads(out.splitlines()[-1])["stages"]
    for name, stage in result.stages.items():
        assert (stage.artifact.id, str(stage.path)) == (told[name]["artifact"], told[name]["path"])
        assert stage.cached
    plan = danlu.plan("recipe.yaml", set=["sum.factor=2"])
    assert [stage.name for stage in plan.stages] == list(told)


def test_warnings_reach_a_python_caller(toy_cli: Cli, caplog: pytest.LogCaptureFixture) -> None:
    danlu.run("recipe.yaml")
    assert "proof: 2 models compared" in caplog.text


def test_quiet(toy_cli: Cli) -> None:
    assert toy_cli("run", "recipe.yaml", "--quiet") == (0, "", "")


def test_end_screen(toy_cli: Cli) -> None:
    _, out, _ = toy_cli("run", "recipe.yaml", "--workspace", "w")
    assert "toy is done" in out
    assert "danlu status toy --workspace w" in out
    assert "nothing had to be made" in toy_cli("run", "recipe.yaml", "--workspace", "w")[1]


def test_asks_the_released_model(toy_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def ask_once(*arguments: Any) -> dict[str, Any]:
        asked.append(arguments)
        return {"address": "http://127.0.0.1:5", "answer": "Forty-two.", "seconds": 1.0}

    monkeypatch.setattr("danlu.serving.probe.ask_once", ask_once)
    with Path("recipe.yaml").open("a") as recipe:
        recipe.write(RELEASE)
    status, out, _ = toy_cli("run", "recipe.yaml", "--ask", "How many?")
    assert status == 0
    assert asked == [("toy-model", Path("workspace"), "How many?")]
    assert "Forty-two." in out
    assert "danlu chat toy-model" in out
    _, out, _ = toy_cli("run", "recipe.yaml", "--ask", "How many?", "--json")
    result = json.loads(out.splitlines()[-1])
    assert set(result) == {"run", "stages"}
    assert result["stages"]["release"]["asked"]["answer"] == "Forty-two."


def test_plan_shows_costs_notes_and_the_first_batch(toy_cli: Cli) -> None:
    status, out, _ = toy_cli("plan", "recipe.yaml")
    assert status == 0
    for expected in ("toy-sum", "4.0 GiB", "rows: 5 rows", "first batch", "to do"):
        assert expected in out
    _, out, _ = toy_cli("plan", "recipe.yaml", "--json")
    plan = json.loads(out.splitlines()[-1])
    assert plan["stages"]["sum"]["predicted"] == {"seconds": 0, "peak_memory_bytes": 2**32, "disk_bytes": 1000}
    assert plan["stages"]["rows"]["cached"], "made while planning"
    assert plan["total"]["disk_bytes"] == 2100


def test_preview_with_stray_brackets(toy_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from danlu.artifacts.stage import Estimate

    estimate = Estimate(seconds=0, peak_memory_bytes=0, disk_bytes=0, preview="[/INST] x [bold]y[/bold]")
    monkeypatch.setattr("toy_sum.plan", lambda config, context: estimate)
    status, out, _ = toy_cli("plan", "recipe.yaml")
    assert status == 0
    assert "[/INST] x" in out


def test_status_logs_artifacts(toy_cli: Cli) -> None:
    assert "No runs in" in toy_cli("status")[1]
    toy_cli("run", "recipe.yaml")
    assert "toy: done" in toy_cli("status")[1]
    toy_cli("run", "recipe.yaml", "--set", "name=second")
    _, out, _ = toy_cli("status")
    assert "second" in out
    assert "4 of 4" in out
    assert set(json.loads(toy_cli("status", "--json")[1])["runs"]) == {"toy", "second"}
    status = json.loads(toy_cli("status", "second", "--json")[1])
    assert [stage["state"] for stage in status["stages"].values()] == ["cached"] * 4
    assert "proof: warning: 2 models compared" in toy_cli("logs", "toy")[1]
    events = [json.loads(line)["event"] for line in toy_cli("logs", "toy", "--json")[1].splitlines()]
    assert events[0] == "run_started"
    assert events[-1] == "run_finished"
    found = json.loads(toy_cli("artifacts", "--json")[1])["artifacts"]
    assert [each["kind"] for each in found].count("model") == 2
    assert "examples" not in toy_cli("artifacts", "--kind", "model")[1]
