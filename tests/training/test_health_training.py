"""A training that is watched: no bit changes; steps that go wrong are left out, also across kills."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from training_stage import TRAIN, make_context, run, run_cut, settings

from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.telemetry.metrics import read_metrics, read_steps
from danlu.training.checkpoint import Checkpoints
from danlu.training.config import TrainConfig
from danlu.training.health import rewind as rewind_module
from danlu.training.health.rewind import back_to_checkpoint, train_with_rewinds
from danlu.training.health.sinks import with_variables

WATCHED = {"every_steps": 1, "pictures_every_steps": 4}
UNWATCHED = {"every_steps": None, "on_outlier": "ignore"}
POISONED_ROW = 3


def weights_of(directory: Path) -> dict[str, torch.Tensor]:
    (path,) = directory.glob("*.safetensors")
    return load_file(path)


def same_bits(one: Path, other: Path) -> bool:
    first, second = weights_of(one), weights_of(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"adapter": None, "precision": "bf16", "ema": {"decay": 0.7}},
        {"adapter": {"rank": 4, "dropout": 0.2}},
    ],
    ids=["adapter", "every weight in bf16", "dropout"],
)
def test_looking_changes_no_bit_of_what_is_trained(
    changes: dict[str, Any], workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    plain = settings(health=UNWATCHED, **changes)
    run(make_context(workspace, reporter, tiny_model_dir, tmp_path / "a"), tmp_path / "plain", plain)
    watched = settings(health=WATCHED, checkpoint={"every_steps": 1, "keep": 1}, **changes)
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "b")
    run_cut(context, tmp_path / "watched", watched, cut_after=3)
    assert same_bits(tmp_path / "plain", tmp_path / "watched")

    records = read_metrics(context.directory / "metrics.jsonl")
    of_step = {step: {} for step in range(1, 7)}
    for record in records:
        of_step[record["step"]] |= record
    for found in of_step.values():
        assert {"train/data_seconds", "train/mfu", "train/loss", "activation_rms/layers.1.mlp"} <= found.keys()
        assert found["train/skipped"] == 0
        assert 0 < found["attention_entropy/layers.0"] <= 1
        assert found["update_ratio/layers.0.self_attn"] > 0 or found["train/learning_rate"] == 0
        squares = sum(value**2 for name, value in found.items() if name.startswith("gradient_norm/"))
        assert squares == pytest.approx(found["train/gradient_norm"] ** 2, rel=1e-3)


@pytest.fixture
def poisoned_dir(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """The tiny model with an embedding that is no number, of a token that a single row of the training data has."""
    tokens = np.asarray(TRAIN.input_ids(0, TRAIN.num_tokens))
    row_offsets = np.asarray(TRAIN.document_offsets)[np.asarray(TRAIN.row_offsets)]
    rows = [set(tokens[start:end].tolist()) for start, end in pairwise(row_offsets)]
    others = set().union(*(row for number, row in enumerate(rows) if number != POISONED_ROW))
    token = max(rows[POISONED_ROW] - others)  # not 0, which fills rows up
    directory = tmp_path / "poisoned"
    shutil.copytree(tiny_model_dir, directory)
    weights = load_file(directory / "model.safetensors")
    weights["model.embed_tokens.weight"][token] = torch.nan
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def poisoned_settings(**health: Any) -> TrainConfig:
    """Twelve steps of two rows of six; in the first four epochs of three steps each there are four bad ones."""
    return settings(
        budget={"steps": 12},
        adapter=None,
        freeze=["*embed_tokens*"],
        optimizer={"learning_rate": 0.003},
        checkpoint={"every_steps": 1, "keep": 2},
        health={"every_steps": 4, **health},
    )


def bad_steps(context: Any) -> list[int]:
    records = read_metrics(context.directory / "metrics.jsonl")
    return [record["step"] for record in records if record.get("train/skipped") == 1.0]


def test_a_poisoned_row_stops_the_training(
    workspace: Workspace, reporter: Any, poisoned_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, poisoned_dir, tmp_path / "a")
    with pytest.raises(UserError, match=rf"loss nan.*gradients of layers.*rows .*\b{POISONED_ROW}\b"):
        run(context, tmp_path / "out", poisoned_settings())
    assert any(record.get("non_finite/lm_head") for record in read_metrics(context.directory / "metrics.jsonl"))


def test_skipping_and_rewinding_and_being_killed_end_with_the_same_finite_weights(
    workspace: Workspace, reporter: Any, poisoned_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipping = make_context(workspace, reporter, poisoned_dir, tmp_path / "a")
    facts = run(skipping, tmp_path / "skipped", poisoned_settings(on_non_finite="skip"))
    bad = bad_steps(skipping)
    assert len(bad) == 4
    assert facts["num_steps"] == 12
    assert all(bool(tensor.isfinite().all()) for name, tensor in weights_of(tmp_path / "skipped").items()
               if "embed_tokens" not in name)  # fmt: skip
    named = [event["rows"] for event in reporter.events if event["event"] == "step_left_out"]
    assert len(named) == 4
    assert all(str(POISONED_ROW) in rows for rows in named)

    cut = make_context(workspace, reporter, poisoned_dir, tmp_path / "b")
    after = next(step for step in range(bad[0] + 1, 12) if step not in bad)
    run_cut(cut, tmp_path / "cut", poisoned_settings(on_non_finite="skip"), cut_after=after)
    assert same_bits_but_embeddings(tmp_path / "skipped", tmp_path / "cut")

    rewinding = make_context(workspace, reporter, poisoned_dir, tmp_path / "c")
    rewinds = []
    monkeypatch.setattr(
        "danlu.training.steps.back_to_checkpoint",
        lambda *arguments: rewinds.append(back_to_checkpoint(*arguments)) or rewinds[-1],
    )
    run(rewinding, tmp_path / "rewound", poisoned_settings(on_non_finite="rewind"))
    assert rewinds == [step - 1 for step in bad if step > 1]
    assert bad_steps(rewinding) == bad
    assert same_bits_but_embeddings(tmp_path / "skipped", tmp_path / "rewound")
    steps = [record["step"] for record in read_steps(rewinding.directory / "metrics.jsonl")]
    assert steps == list(range(1, 13))


def test_a_run_killed_while_rewinding_steps_over_the_same_batch(
    workspace: Workspace, reporter: Any, poisoned_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = make_context(workspace, reporter, poisoned_dir, tmp_path / "a")
    run(plain, tmp_path / "plain", poisoned_settings(on_non_finite="rewind"))
    context = make_context(workspace, reporter, poisoned_dir, tmp_path / "b")

    def killed(*_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("danlu.training.steps.back_to_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            run(context, tmp_path / "killed", poisoned_settings(on_non_finite="rewind"))
    left_out = json.loads((context.directory / "left_out.json").read_text())["steps"]
    assert left_out[-1] in bad_steps(plain)
    run(context, tmp_path / "resumed", poisoned_settings(on_non_finite="rewind"))
    assert same_bits_but_embeddings(tmp_path / "plain", tmp_path / "resumed")


def same_bits_but_embeddings(one: Path, other: Path) -> bool:
    first, second = weights_of(one), weights_of(other)
    return all(torch.equal(first[name], second[name]) for name in first if "embed_tokens" not in name)


def test_outliers_are_left_out_alike_by_a_resumed_run(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The norms seen before are in the checkpoints."""
    config = settings(
        budget={"steps": 20},
        optimizer={"learning_rate": 1e-5},  # so that only the batches make a difference
        checkpoint={"every_steps": 1, "keep": 1},
        health={
            "every_steps": None,
            "on_outlier": "skip",
            "outlier": {"threshold": 1.0, "window": 8, "warmup_steps": 4},
        },
    )
    whole = make_context(workspace, reporter, tiny_model_dir, tmp_path / "a")
    run(whole, tmp_path / "whole", config)
    skipped = bad_steps(whole)
    assert 0 < len(skipped) < 12
    cut = make_context(workspace, reporter, tiny_model_dir, tmp_path / "b")
    run_cut(cut, tmp_path / "cut", config, cut_after=skipped[0] - 1)
    assert bad_steps(cut) == skipped
    assert same_bits(tmp_path / "whole", tmp_path / "cut")


def test_checkpoints_whose_weights_are_not_finite_are_passed_over(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optimizer may overflow; the next loss is then not finite, and the newest checkpoint is no good."""
    config = settings(budget={"steps": 6}, checkpoint={"every_steps": 1, "keep": 3}, health={"on_non_finite": "rewind"})
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "a")
    run(context, tmp_path / "plain", config)

    damaged = []
    save = Checkpoints.save

    def damage(self: Checkpoints, step: int, held: Any, optimizer: Any) -> None:
        if step == 3 and not damaged:
            damaged.append(step)
            with torch.no_grad():
                held.trained[0].fill_(torch.inf)
        save(self, step, held, optimizer)

    monkeypatch.setattr(Checkpoints, "save", damage)
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "b")
    run(context, tmp_path / "mended", config)
    assert any("step-3 is passed over: not all of its numbers are finite" in warning for warning in reporter.warnings)
    assert bad_steps(context) == [4]
    assert all(bool(tensor.isfinite().all()) for tensor in weights_of(tmp_path / "mended").values())


def test_without_a_good_checkpoint_rewinding_ends() -> None:
    def train_from(step: int) -> int:
        raise rewind_module.Rewind(4)

    with pytest.raises(UserError, match="cannot go back from step 4"):
        train_with_rewinds(train_from, lambda steps_before: 0, 0)


def test_policies_are_part_of_the_id_and_looking_is_not() -> None:
    def in_id(**health: Any) -> dict[str, Any]:
        config = settings(health=health, sinks={"prometheus": {"port": 9000}}, alerts={"to": ["json://127.0.0.1"]})
        return config.settings_in_id(config.model_dump(mode="json"))

    plain = in_id()
    assert not {"health", "sinks", "alerts", "checkpoint"} & plain.keys()
    assert in_id(every_steps=3, outlier={"threshold": 3}, on_outlier="stop") == plain
    assert in_id(on_non_finite="skip")["health"] == {"on_non_finite": "skip"}
    assert in_id(on_outlier="skip", outlier={"threshold": 3})["health"]["outlier"]["threshold"] == 3


def test_secrets_in_addresses_are_not_in_what_is_dumped() -> None:
    config = settings(alerts={"to": ["discord://webhook/very-secret", "${ADDRESS}"]})
    assert "secret" not in config.model_dump_json()
    assert "secret" not in repr(config)
    again = TrainConfig.model_validate(config.model_dump(mode="json", by_alias=True, exclude_unset=True))
    assert again.alerts is not None
    hidden, variable = (address.get_secret_value() for address in again.alerts.to)
    assert variable == "${ADDRESS}"
    with pytest.raises(UserError, match="not handed on to other processes"):
        with_variables(hidden)
