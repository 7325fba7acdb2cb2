"""Averages, early stopping and regularisation in a whole training stage on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_stage import VALIDATION, make_context, run, settings

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.batches import micro_batch
from danlu.training.setup import objective_for
from packed_rows import make_store, rows_of, write_store


@pytest.fixture
def train(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> Any:
    """``train(name, **changes)``: (weights, facts, validation losses by step) of a run without an adapter."""

    def call(name: str, **changes: Any) -> tuple[dict[str, torch.Tensor], dict[str, Any], dict[int, float]]:
        context = make_context(workspace, reporter, tiny_model_dir, tmp_path / name)
        facts = run(context, tmp_path / f"{name} out", settings(**{"adapter": None, **changes}))
        return load_file(tmp_path / f"{name} out" / "model.safetensors"), facts, validation_losses(context)

    return call


def validation_losses(context: StageContext) -> dict[int, float]:
    records = [json.loads(line) for line in (context.directory / "metrics.jsonl").read_text().splitlines()]
    return {record["step"]: record["validation/loss"] for record in records if "validation/loss" in record}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def loss_of(weights: Path) -> float:
    """Validation loss of saved weights, computed by transformers."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(weights, attn_implementation="eager")
    total, start = 0.0, 0
    assert VALIDATION.supervised is not None
    for length in VALIDATION.document_lengths.tolist():
        ids = torch.from_numpy(VALIDATION.input_ids(start, start + length))
        targets = torch.from_numpy(np.where(VALIDATION.supervised[start : start + length], ids.numpy(), -100))
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0]
        total += float(torch.nn.functional.cross_entropy(logits[:-1], targets[1:], reduction="sum"))
        start += length
    return total / VALIDATION.num_supervised


def test_the_average_of_the_weights_is_saved(train: Any, tiny_model_dir: Path) -> None:
    sums = load_file(tiny_model_dir / "model.safetensors")
    for step in range(1, 5):
        weights, _, _ = train(f"{step} steps", budget={"steps": step}, schedule={"kind": "constant", "warmup_share": 0})
        share = min(0.3, (1 + step) / (10 + step))
        sums = {name: share * sums[name] + (1 - share) * weights[name] for name in sums}
    averaged, _, _ = train(
        "averaged", budget={"steps": 4}, schedule={"kind": "constant", "warmup_share": 0}, ema={"decay": 0.3}
    )
    assert not equal(averaged, weights)
    for name in sums:
        torch.testing.assert_close(averaged[name], sums[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema": {"decay": 0.9}},
        {"optimizer": {"kind": "schedule_free_adamw", "learning_rate": 0.02}, "schedule": {"kind": "constant"}},
    ],
    ids=["plain", "average", "schedule-free"],
)
def test_what_is_validated_is_what_is_saved_and_validating_changes_no_bit(
    train: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    validated, _, losses = train("validated", validate_every_steps=2, **changes)
    plain, _, none = train("plain", **changes)
    saved, _, _ = train("saved", checkpoint={"every_seconds": 1e-6}, **changes)
    assert equal(validated, plain)
    assert equal(saved, plain)
    assert (list(losses), none) == ([2, 4, 6], {})
    assert loss_of(tmp_path / "validated out") == pytest.approx(losses[6], rel=1e-5)


def test_early_stopping_stops_and_saves_the_best(train: Any, tmp_path: Path, reporter: Any) -> None:
    changes = {
        "budget": {"steps": 40},
        "optimizer": {"learning_rate": 0.02},
        "schedule": {"kind": "constant", "warmup_share": 0},
        "validate_every_steps": 1,
    }
    stopped, facts, losses = train("stopped", early_stopping={"patience": 3}, **changes)
    best = min(losses, key=losses.__getitem__)
    assert facts["num_steps"] == max(losses) == best + 3 < 40
    assert loss_of(tmp_path / "stopped out") == pytest.approx(losses[best], rel=1e-5)
    assert any(f"Stopped early after step {best + 3} of 40" in message for message in reporter.messages)
    assert any(f"weights of step {best}:" in message for message in reporter.messages)
    straight, _, _ = train("straight", **{**changes, "budget": {"steps": best}})
    assert equal(stopped, straight)


def test_a_run_that_was_killed_after_it_had_stopped_makes_no_further_step(
    train: Any,
    workspace: Workspace,
    reporter: Any,
    tiny_model_dir: Path,
    tmp_path: Path,
) -> None:
    changes: dict[str, Any] = {
        "adapter": None,
        "budget": {"steps": 40},
        "schedule": {"kind": "constant", "warmup_share": 0},
        "validate_every_steps": 1,
        "early_stopping": {"patience": 2},
        "checkpoint": {"every_steps": 1},
    }
    stopped, facts, _ = train("whole", **changes)
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "killed")
    run(context, tmp_path / "killed out", settings(**changes))  # not published, so its checkpoints are there
    again = run(context, tmp_path / "resumed out", settings(**changes))
    assert again["num_steps"] == facts["num_steps"]
    assert equal(stopped, load_file(tmp_path / "resumed out" / "model.safetensors"))


def test_a_plateau_lowers_the_rate(train: Any, tmp_path: Path) -> None:
    train(
        "plateau",
        budget={"steps": 12},
        schedule={"kind": "reduce_on_plateau", "warmup_share": 0, "patience": 0, "min_improvement": 0.9, "factor": 0.5},
        validate_every_steps=4,
    )
    lines = (tmp_path / "plateau" / "stage" / "metrics.jsonl").read_text().splitlines()
    rates = [json.loads(line)["train/learning_rate"] for line in lines if "train/loss" in line]
    # The first validation is the best so far by definition.
    assert rates == pytest.approx([0.02] * 8 + [0.01] * 4)


def test_without_validation_rows_there_is_nothing_to_stop_by(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "none")
    write_store(make_store([]), tmp_path / "none" / "data", "validation")
    config = settings(early_stopping={}, validate_every_steps=2)
    for work in (lambda: stage.plan(config, context), lambda: run(context, tmp_path / "out", config)):
        with pytest.raises(UserError, match=r"early_stopping looks at .* 0 validation rows"):
            work()


def test_label_smoothing_holds_while_training_only(tiny_model: Any) -> None:
    batch = micro_batch(rows_of(VALIDATION)[:1])
    plain = objective_for(settings())
    smooth = objective_for(settings(regularisation={"label_smoothing": 0.2}))
    with torch.no_grad():
        assert float(smooth(tiny_model.eval(), batch)) == float(plain(tiny_model, batch))
        assert float(smooth(tiny_model.train(), batch)) != float(plain(tiny_model, batch))


def test_frozen_weights_and_the_config_given_for_dropout(train: Any, tiny_model_dir: Path, tmp_path: Path) -> None:
    before = load_file(tiny_model_dir / "model.safetensors")
    after, facts, _ = train("frozen", freeze=["*embed*", "*norm*"], regularisation={"dropout": 0.3})
    frozen = {name for name in after if "embed" in name or "norm" in name}
    assert {name for name in after if torch.equal(after[name], before[name])} == frozen
    assert facts["num_trained_parameters"] == sum(after[name].numel() for name in after if name not in frozen)
    undropped, _, _ = train("undropped", freeze=["*embed*", "*norm*"])
    assert not equal(after, undropped)


def test_the_plan_knows_groups_averages_and_the_size_of_the_state(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "plan")

    def disk_bytes(**changes: Any) -> int:
        return stage.plan(settings(adapter=None, checkpoint={"keep": 1}, **changes), context).disk_bytes

    weights = load_file(tiny_model_dir / "model.safetensors").values()
    one = 4 * sum(tensor.numel() for tensor in weights)
    plain = disk_bytes()
    few = 2 * 50 * len(weights)  # step numbers and the like, in two checkpoints
    assert disk_bytes(optimizer={"kind": "sgd"}) == pytest.approx(plain - 2 * one, abs=few)
    assert disk_bytes(optimizer={"kind": "lion"}) == pytest.approx(plain - 2 * one, abs=few)
    assert disk_bytes(ema={}) == pytest.approx(plain + 2 * one, abs=few)
    notes = stage.plan(
        settings(
            optimizer={"groups": [{"pattern": "*lora_A*", "learning_rate_factor": 0.5}]},
            ema={},
            early_stopping={},
            validate_every_steps=1,
            freeze=["*.0.*lora_B*"],
        ),
        context,
    ).notes
    assert any("matrices of '*lora_A*': " in note and "in 14 tensors, learning rate 0.00025" in note for note in notes)
    assert any("adamw on matrices: " in note and "in 7 tensors" in note for note in notes)
    assert any("average of the weights" in note for note in notes)
    assert any("stops early" in note for note in notes)
    assert any("frozen: *.0.*lora_B*" in note for note in notes)


def test_a_pattern_of_the_whole_model_is_known_to_the_plan(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "plan")
    stage.plan(settings(adapter=None, optimizer={"groups": [{"pattern": "*.layers.1.*"}]}), context)
    config = settings(adapter=None, optimizer={"groups": [{"pattern": "*.layers.2.*"}]})
    for work in (lambda: stage.plan(config, context), lambda: run(context, tmp_path / "out", config)):
        with pytest.raises(UserError, match=r"'\*.layers.2.\*' in optimizer.groups matches none"):
            work()
