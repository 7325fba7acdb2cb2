"""A run that was killed and continued ends with the bits of one that was not, whatever has a state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_stage import make_context, run, run_cut, settings

from danlu.settings import Workspace
from danlu.training.config import TrainConfig

OPTIMIZERS = ["sgd", "rmsprop", "adam", "adamw", "adafactor", "lamb", "lion", "muon", "schedule_free_adamw"]
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "linear": {},
    "cosine": {},
    "cosine_restarts": {},
    "wsd": {},
    "polynomial": {},
    "exponential": {},
    "piecewise": {"points": [{"at": 0.5, "share": 0.3}, {"at": 0.9, "share": 0.8}]},
    "one_cycle": {},
    "cyclic": {},
    "inverse_sqrt": {},
    "reduce_on_plateau": {"patience": 0, "min_improvement": 0.2},
}


def config_with(**changes: Any) -> TrainConfig:
    plain = {"adapter": None, "checkpoint": {"every_steps": 1, "keep": 1}, "validate_every_steps": 1}
    return settings(**{**plain, **changes})


CASES = {
    **{
        kind: config_with(
            optimizer={"kind": kind, "weight_decay": 0.01},
            schedule={"kind": "constant" if kind == "schedule_free_adamw" else "cosine"},
        )
        for kind in OPTIMIZERS
    },
    **{kind: config_with(schedule={"kind": kind, **rest}) for kind, rest in SCHEDULES.items()},
    "no momentum": config_with(optimizer={"kind": "sgd", "momentum": 0.0}),
    "average": config_with(ema={"decay": 0.7}),
    "early stopping": config_with(
        ema={"decay": 0.7}, optimizer={"learning_rate": 0.2}, early_stopping={"patience": 5}, validate_every_steps=1
    ),
    "groups": config_with(
        optimizer={
            "kind": "muon",
            "layer_decay": 0.7,
            "groups": [{"pattern": "*norm*", "learning_rate_factor": 0.5, "weight_decay": 0.1}],
        },
        freeze=["*embed_tokens*"],
        regularisation={"l1": 1e-4, "l2": 1e-3, "label_smoothing": 0.1, "dropout": 0.1},
        max_gradient_value=0.01,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_resumed_training_ends_with_the_same_bits(
    case: str, workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    config = CASES[case]
    run(make_context(workspace, reporter, tiny_model_dir, tmp_path / "one"), tmp_path / "straight", config)
    torch.manual_seed(99)
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "two")
    run_cut(context, tmp_path / "resumed", config, cut_after=3)
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "resumed"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    before = load_file(tiny_model_dir / "model.safetensors")
    moved = [name for name in straight if not torch.equal(straight[name], before[name])]
    assert set(moved) == {name for name in straight if "embed" not in name or not config.freeze}
