"""The training stage as the pipeline calls it, on a tiny model: it learns, says what it does, resumes exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from training_stage import make_context, run, run_cut, settings

from danlu.errors import UserError
from danlu.models.load import load_tokenizer
from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.passes import Passes
from packed_rows import make_store, write_store


def test_learns_and_leaves_a_standard_adapter(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "one")
    facts = run(context, tmp_path / "out", settings(budget={"steps": 30}, validate_every_steps=10))
    records = [json.loads(line) for line in (context.directory / "metrics.jsonl").read_text().splitlines()]
    metrics = [record for record in records if "train/loss" in record]
    assert [record["step"] for record in records if "validation/loss" in record] == [10, 20, 30]
    assert [record["step"] for record in metrics] == list(range(1, 31))
    assert metrics[-1]["train/loss"] < metrics[0]["train/loss"] - 0.5
    assert facts["num_steps"] == 30
    assert list((context.directory / "tensorboard").glob("events.*"))
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()
    assert (tmp_path / "out" / "tokenizer.json").is_file()
    assert not (context.directory / "checkpoints").exists()


def test_resumes_to_the_same_bits(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> None:
    config = settings(checkpoint={"every_steps": 1, "keep": 1}, adapter={"rank": 4, "dropout": 0.2})
    run(make_context(workspace, reporter, tiny_model_dir, tmp_path / "whole"), tmp_path / "undisturbed", config)

    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "cut")
    torch.manual_seed(123)
    run_cut(context, tmp_path / "resumed", config, cut_after=4)

    one = (tmp_path / "undisturbed" / "adapter_model.safetensors").read_bytes()
    assert (tmp_path / "resumed" / "adapter_model.safetensors").read_bytes() == one
    records = [json.loads(line) for line in (context.directory / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if "train/loss" in record] == [1, 2, 3, 4, 5, 6]
    assert any("step 4 of 6" in event.get("message", "") for event in reporter.events)


def test_every_weight_can_be_trained(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "full")
    run(context, tmp_path / "out", settings(adapter=None, optimizer={"learning_rate": 0.001}))
    trained = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    before = AutoModelForCausalLM.from_pretrained(tiny_model_dir)
    assert not torch.equal(trained.model.layers[0].mlp.up_proj.weight, before.model.layers[0].mlp.up_proj.weight)
    assert not torch.equal(trained.lm_head.weight, before.lm_head.weight)


def test_a_model_of_conversations_keeps_the_template_they_were_rendered_with(
    workspace: Workspace, reporter: Any, tiny_base_dir: Path, tmp_path: Path
) -> None:
    for objective, has_template in (("sft", True), ("language_model", False)):
        context = make_context(workspace, reporter, tiny_base_dir, tmp_path / objective)
        run(context, tmp_path / f"{objective}-out", settings(objective=objective, budget={"steps": 1}))
        assert bool(load_tokenizer(tmp_path / f"{objective}-out").chat_template) == has_template


@pytest.mark.parametrize(
    ("kind", "rate"),
    [
        ("sgd", 0.3),
        ("rmsprop", 0.003),
        ("adam", 0.01),
        ("adafactor", 0.05),
        ("lamb", 0.05),
        ("lion", 0.003),
        ("muon", 0.02),
        ("schedule_free_adamw", 0.02),
    ],
)
def test_every_optimizer_learns(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, kind: str, rate: float
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "learns")
    config = settings(
        adapter=None,
        budget={"steps": 20},
        optimizer={"kind": kind, "learning_rate": rate},
        schedule={"kind": "constant"},
    )
    last_loss = run(context, tmp_path / "out", config)["last_loss"]
    lines = (context.directory / "metrics.jsonl").read_text().splitlines()
    first = next(record for record in map(json.loads, lines) if "train/loss" in record)
    assert last_loss < first["train/loss"] - 1


def test_plan_foretells_steps_tokens_and_shows_the_first_batch(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "plan")
    estimate = stage.plan(settings(), context)
    facts = run(context, tmp_path / "out", settings())
    assert estimate.facts["num_tokens_trained"] == facts["num_tokens_trained"]
    assert estimate.peak_memory_bytes > 0
    assert estimate.seconds > 0
    assert estimate.preview
    assert any("end of turn trained: yes" in note for note in estimate.notes)
    assert any(f"{facts['num_trained_parameters']:,} of" in note for note in estimate.notes)


def test_a_loss_that_is_not_finite_stops_with_the_rows(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Passes, "accumulate_gradients", lambda *_: float("nan"))
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "nan")
    with pytest.raises(UserError, match=r"step 1: loss nan.*rows \d+, \d+"):
        run(context, tmp_path / "out", settings())


def test_nothing_supervised_is_refused(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "masked")
    masked = make_store([[5, 5]])
    assert masked.supervised is not None
    masked.supervised[:] = False
    write_store(masked, tmp_path / "masked" / "data", "train")
    with pytest.raises(UserError, match="of which 0 are supervised"):
        run(context, tmp_path / "out", settings())
