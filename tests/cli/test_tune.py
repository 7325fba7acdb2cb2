"""``danlu tune``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]


def test_there_must_be_one_train_stage(toy_cli: Cli) -> None:
    status, _, err = toy_cli("tune", "recipe.yaml")
    assert status == 2
    assert "The recipe 'toy' has 0 train stages." in err


def test_other_stages_cannot_be_tuned(toy_cli: Cli) -> None:
    status, _, err = toy_cli("tune", "recipe.yaml", "--stage", "sum")
    assert status == 2
    assert "sum does 'toy-sum'; only train stages can be tuned." in err


def test_an_unknown_stage_is_named(toy_cli: Cli) -> None:
    status, _, err = toy_cli("tune", "recipe.yaml", "--stage", "sun")
    assert status == 2
    assert "has no stage 'sun'" in err
    assert "Did you mean 'sum'?" in err


def test_what_a_stage_takes_must_have_been_made(toy_cli: Cli) -> None:
    status, _, err = toy_cli("tune", "recipe.yaml", "--stage", "proof")
    assert status == 2
    assert "proof takes " in err
    assert "Run it first: danlu run recipe.yaml" in err


def test_the_range_must_be_one(toy_cli: Cli) -> None:
    status, _, err = toy_cli("tune", "recipe.yaml", "--lowest", "1", "--highest", "0.1")
    assert status == 2
    assert "--lowest 1 and --highest 0.1 are no range" in err


def test_what_was_found_is_shown_and_written(toy_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from danlu.cli import tune
    from danlu.training import tuning
    from danlu.training.config import TrainConfig

    config = TrainConfig.model_validate(
        {"do": "train", "model": "base", "data": "packed", "budget": {"steps": 1}, "batch": {"rows": 2}}
    )
    tested = tuning.RangeTest([0.001, 0.01], [3.0, 2.0], [3.0, 3.0], 0.00123)
    tried = [tuning.RowsAtOnce(1, 20.0, 100, 2**30, True), tuning.RowsAtOnce(2, 10.0, 100, 2**40, False)]
    monkeypatch.setattr(tune, "prepare_stage", lambda *_: (config, None))
    monkeypatch.setattr(tuning, "try_learning_rates", lambda *_, **__: tested)
    monkeypatch.setattr(tuning, "try_rows_at_once", lambda *_: tried)
    status, out, _ = toy_cli("tune", "recipe.yaml", "--stage", "sum")
    assert status == 0
    assert "suggested: --set sum.optimizer.learning_rate=0.0012" in out
    assert "suggested: --set sum.batch.rows_at_once=1" in out
    assert "does not fit" in out
    written = json.loads((tmp_path / "workspace" / "runs" / "toy" / "tune-sum.json").read_text())
    assert written["learning_rate"]["losses"] == [3.0, 2.0]
    status, out, _ = toy_cli("tune", "recipe.yaml", "--stage", "sum", "--rows-at-once", "--json")
    assert set(json.loads(out.splitlines()[-1])["settings"]) == {"sum.batch.rows_at_once"}
