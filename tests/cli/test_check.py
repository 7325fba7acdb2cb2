"""``danlu check``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from danlu.cli import check
from danlu.training.checking import check as checking
from danlu.training.checking.check import Checked
from danlu.training.checking.difference import Difference
from danlu.training.checking.equivalence import Finding
from danlu.training.checking.size import Size
from danlu.training.config import TrainConfig

Cli = Callable[..., tuple[int, str, str]]
TOLERANCES = dict.fromkeys(("loss of step 1", "first gradient", "weights"), 1e-5)
EXACTLY: Difference = dict.fromkeys(TOLERANCES, 0.0)


def test_there_must_be_a_train_stage(toy_cli: Cli) -> None:
    status, _, err = toy_cli("check", "recipe.yaml")
    assert status == 2
    assert "The recipe 'toy' has no train stage." in err


def test_other_stages_cannot_be_checked(toy_cli: Cli) -> None:
    status, _, err = toy_cli("check", "recipe.yaml", "--stage", "sum")
    assert status == 2
    assert "The stage 'sum' does 'toy-sum'." in err


def checked(*findings: Finding) -> Checked:
    return Checked(
        "sum", Size(2, 128, 4, 12), 30, list(findings), "bf16", {"loss of step 1": 0.01, "first gradient": 0.1}
    )


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``found(*findings)``: what a check of the stage ``sum`` will find."""
    config = TrainConfig.model_validate({"do": "train", "model": "base", "data": "packed", "budget": {"steps": 1}})
    context = SimpleNamespace(inputs={"model": [SimpleNamespace(name="base")]})

    def set_up(*findings: Finding, stand_ins: dict[str, str] | None = None) -> None:
        prepared: Any = SimpleNamespace(
            name="sum", config=config, context=context, stand_ins=stand_ins or {}, passed_over=[]
        )
        monkeypatch.setattr(check, "trainings_of", lambda *_: ["sum"])
        monkeypatch.setattr(check, "prepare_with_stand_ins", lambda *_: [prepared])
        monkeypatch.setattr(checking, "check_stage", lambda *_: checked(*findings))

    return set_up


AGREES = Finding("resuming", "stopped, and not", "agrees", "the same bits", EXACTLY, EXACTLY, "weights", 1.0)
NOT_FOR_IT = Finding("compiling", "compiled, and not", "does not apply", "compile is false")
DIFFERENCE = {"loss of step 1": 0.1, "first gradient": 0.0, "weights": 0.0}
DIFFERS = Finding("packing", "beside, and alone", "differs", "rounding", DIFFERENCE, TOLERANCES, "loss of step 1")


def test_what_agrees_is_shown_and_written(toy_cli: Cli, found: Callable[..., None], tmp_path: Path) -> None:
    found(AGREES, NOT_FOR_IT)
    status, out, _ = toy_cli("check", "recipe.yaml", "--stage", "sum")
    assert status == 0
    assert "sum: 12 steps of 4 rows of up to 128 tokens, the first 2 of 30 layers of base" in " ".join(out.split())
    assert "compiling: compile is false" in out
    assert "bf16, in which the stage is trained, moves losses by up to 1.0e-02" in " ".join(out.split())
    assert "All that applies agrees." in out
    written = json.loads((tmp_path / "workspace" / "runs" / "toy" / "check-sum.json").read_text())
    assert [finding["verdict"] for finding in written["findings"]] == ["agrees", "does not apply"]


def test_what_differs_is_a_fault(toy_cli: Cli, found: Callable[..., None]) -> None:
    found(AGREES, DIFFERS, stand_ins={"base": "blank"})
    status, out, err = toy_cli("check", "recipe.yaml", "--stage", "sum")
    assert status == 1
    assert err == ""
    text = " ".join(out.split())
    assert "layers of blank (base has not been made)" in text
    assert "Differs sum: packing. A fault of Danlu or of a library below it, not yours." in text
    status, out, _ = toy_cli("check", "recipe.yaml", "--stage", "sum", "--json")
    assert status == 1
    last = json.loads(out.splitlines()[-1])
    assert last["agrees"] is False
    assert last["stages"][0]["differs"] == ["packing"]
    assert last["stages"][0]["findings"][1]["difference"]["loss of step 1"] == 0.1
