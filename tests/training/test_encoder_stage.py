"""The training stage on encoders: hidden tokens first, then classes, saved as transformers reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from training_stage import run, run_cut
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from danlu.artifacts.manifest import Manifest, Parent
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import write_index, write_shard
from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.training import compilation, stage
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from encoder_toys import CLASSES, make_documents, save_encoder

STORE = make_documents([23, 9, 40, 17, 5, 33, 12, 28] * 4)


@pytest.fixture(scope="session")
def encoder_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("encoder")
    save_encoder("masked_lm", directory)
    return directory


def settings(**changes: Any) -> TrainConfig:
    plain = {
        "do": "train", "model": "base", "data": "packed", "objective": "masked_language_model", "seed": 3,
        "budget": {"steps": 4}, "batch": {"rows": 4, "rows_at_once": 2}, "precision": "fp32",
        "optimizer": {"learning_rate": 0.01}, "validate_every_steps": 2,
    }  # fmt: skip
    return TrainConfig.model_validate({**plain, **changes})


def as_input(name: str, kind: str, path: Path, facts: dict[str, Any], made: bool = True) -> Input:
    manifest = Manifest(
        id="0" * 16, kind=kind, stage="import", name=name, stage_version=1, settings={}, facts=facts,
        created="2026-01-01T00:00:00", seconds=0.0, peak_memory_bytes=0,
    )  # fmt: skip
    return Input(name=name, kind=kind, part=None, artifact=Artifact(path, manifest) if made else None, facts=facts)


def make_context(
    workspace: Workspace, reporter: Any, model: Input, directory: Path, *, words: bool = True, labels: bool = True
) -> StageContext:
    data = directory / "data"
    for split in ("train", "validation", "test"):
        (data / split).mkdir(parents=True, exist_ok=True)
        write_shard(data / split, 0, STORE.shards[0], 2**16)
        names = [str(number) for number in range(STORE.num_documents)]
        table = pa.table({"id": names, "source": ["file:a"] * len(names), "row": range(len(names))})
        write_index(
            data / split, STORE.document_lengths, table,
            word_starts=STORE.word_starts if words else None, labels=STORE.labels if labels else None,
        )  # fmt: skip
    facts = {"length": 64, "fingerprint": STORE.fingerprint, **({"labels": CLASSES} if labels else {})}
    return StageContext(
        name="reader", workspace=workspace, store=ArtifactStore(workspace.artifacts), reporter=reporter,
        directory=directory / "stage", sources={},
        inputs={"model": [model], "data": [as_input("packed", "tokens", data, facts)]},
    )  # fmt: skip


def base(directory: Path, **facts: Any) -> Input:
    config = json.loads((directory / "config.json").read_text())
    return as_input("base", "model", directory, {"config": config, "num_parameters": 30_000, **facts})


def test_guessing_then_classes(workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path / "1")
    estimate = stage.plan(settings(), context)
    assert any("of the tokens are to be guessed" in note for note in estimate.notes)
    assert "[MASK]" in str(estimate.preview)
    facts = stage.run(settings(), context, first)
    assert facts["task"] == estimate.facts["task"] == "masked_lm"
    assert facts["num_parameters"] == AutoModelForMaskedLM.from_pretrained(first).num_parameters()

    chosen = settings(objective="classification", batch={"rows": 16, "rows_at_once": 8}, budget={"steps": 30})
    not_made = as_input("reader", "model", first, estimate.facts, made=False)
    foretold = stage.plan(chosen, make_context(workspace, reporter, not_made, tmp_path / "2"))
    assert foretold.preview is None
    assert any("begins with random weights" in note for note in foretold.notes)
    context = make_context(workspace, reporter, base(first, **facts), tmp_path / "3")
    facts = stage.run(chosen, context, second)
    again = tmp_path / "again"
    again.mkdir()
    stage.run(chosen, context, again)
    assert (again / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    model = AutoModelForSequenceClassification.from_pretrained(second)
    assert list(model.config.id2label.values()) == facts["labels"] == CLASSES
    assert facts["num_parameters"] == foretold.facts["num_parameters"] == model.num_parameters()
    assert model.config.architectures == facts["config"]["architectures"] == ["BertForSequenceClassification"]
    assert facts["last_loss"] < 1.0  # it learns these 32 documents by heart; guessing costs ln 3 = 1.1


def test_guessing_goes_on_from_a_model_that_is_not_made_yet(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path
) -> None:
    """The plan reads the tokenizer from which the tokens were made."""
    made = base(encoder_dir)
    context = make_context(workspace, reporter, replace(made, artifact=None), tmp_path)
    (data,) = context.inputs["data"]
    assert data.artifact
    assert made.artifact
    with pytest.raises(AssertionError, match="has not been made"):
        stage.plan(settings(), context)
    with ArtifactStore(workspace.artifacts).publish("tokenizer", "a" * 16) as (out, commit):
        AutoTokenizer.from_pretrained(encoder_dir).save_pretrained(out)
        commit(made.artifact.manifest.model_copy(update={"kind": "tokenizer", "id": "a" * 16}))
    parent = Parent(field="tokenizer", name="words", kind="tokenizer", id="a" * 16)
    manifest = data.artifact.manifest.model_copy(update={"parents": [parent]})
    packed = replace(data, artifact=replace(data.artifact, manifest=manifest))
    later = replace(context, inputs={**context.inputs, "data": [packed]})
    now = replace(later, inputs={**later.inputs, "model": [made]})
    assert stage.plan(settings(), later).facts == stage.plan(settings(), now).facts


def test_the_config_in_the_facts_is_that_of_the_files(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    dropping = settings(regularisation={"dropout": 0.3})
    facts = run(context, tmp_path / "out", dropping)
    saved = json.loads((tmp_path / "out" / "config.json").read_text())
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "architectures"):
        assert facts["config"][name] == stage.plan(dropping, context).facts["config"][name] == saved[name]
    assert saved["hidden_dropout_prob"] == 0.3


def test_pairs_make_a_model_for_pretraining(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    facts = stage.run(settings(next_sentence=True), context, out)
    assert facts["config"]["architectures"] == ["BertForPreTraining"]
    assert AutoModelForPreTraining.from_pretrained(out).cls.seq_relationship.weight.abs().sum() > 0


@pytest.mark.parametrize(
    ("changes", "data", "what"),
    [
        ({"objective": "language_model"}, {}, "is an encoder"),
        ({"objective": "sft"}, {}, "is an encoder"),
        ({}, {"words": False}, "do not say where words begin"),
        ({"objective": "classification"}, {"labels": False}, "the documents have none"),
    ],
)
def test_what_does_not_fit_is_refused(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path, changes: Any, data: Any, what: str
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path, **data)
    with pytest.raises(UserError, match=what):
        stage.plan(settings(**changes), context)


def test_a_causal_model_cannot_guess(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> None:
    context = make_context(workspace, reporter, base(tiny_model_dir), tmp_path)
    with pytest.raises(UserError, match="objective: masked_language_model needs an encoder"):
        stage.plan(settings(), context)


def test_rows_that_are_longer_than_the_positions_are_refused(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path
) -> None:
    model = base(encoder_dir)
    model.facts["config"]["max_position_embeddings"] = 63  # type: ignore[index]
    with pytest.raises(UserError, match="up to 64 tokens, and the model has positions for 63"):
        stage.plan(settings(), make_context(workspace, reporter, model, tmp_path))


@pytest.mark.parametrize(
    "wrong",
    [
        {"objective": "sft", "next_sentence": True},
        {"objective": "classification", "masking": {"share": 0.2}},
        {"adapter": {"kind": "lora"}},
        {"isolate_documents": False},
        {"masking": {"mask": 0.9, "random": 0.2}},
        {"next_sentence": True, "curriculum": {"by": "length"}},
        {"next_sentence": True, "batch": {"rows": 4, "length_ramp": {"from": 16}}},
        {"objective": "classification", "batch": {"rows": 4, "length_ramp": {"from": 16}}},
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"goes with|whole|is not for|more than all|from all|row for each"):
        settings(**wrong)


KINDS = [{}, {"next_sentence": True}, {"objective": "classification"}]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path, kind: dict[str, Any]
) -> None:
    config = settings(**kind, checkpoint={"every_steps": 1})
    model = base(encoder_dir)
    run(make_context(workspace, reporter, model, tmp_path / "1"), tmp_path / "straight", config)
    run_cut(make_context(workspace, reporter, model, tmp_path / "2"), tmp_path / "resumed", config, 2)
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "resumed"))
    assert all(straight[name].equal(resumed[name]) for name in straight)


@pytest.mark.parametrize("kind", KINDS)
def test_budgets_of_time_and_of_operations(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path, kind: dict[str, Any]
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    first = run(context, tmp_path / "first", settings(**kind, budget={"steps": 5}))
    again = run(context, tmp_path / "again", settings(**kind, budget={"flops": first["flops"]}))
    assert (again["num_steps"], again["flops"]) == (5, first["flops"])
    timed = settings(**kind, budget={"minutes": 0.02})
    facts = run(replace(context, directory=tmp_path / "timed"), tmp_path / "out", timed)
    assert facts["num_steps"] >= 1
    assert (tmp_path / "timed" / "budget.json").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_two_corpora_are_mixed(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path, kind: dict[str, Any]
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    (data,) = context.inputs["data"]
    mixed = replace(context, inputs={**context.inputs, "data": [data, replace(data, name="other")]})
    config = settings(**kind, data={"packed": 3, "other": 1}, precision="bf16")
    rows: Any = TrainingData.open(config, mixed).full_size().rows
    both = [rows.row(place) for place in range(40)]
    assert [rows.deal.source_of(place)[0] for place in range(40)].count(1) == 10
    seen = [(row.input_ids if row.seen is None else row.seen).tobytes() for row in both]
    again: Any = TrainingData.open(config, mixed).full_size().rows
    assert seen[17] == (again.row(17).input_ids if both[17].seen is None else again.row(17).seen).tobytes()
    assert np.isfinite(run(mixed, tmp_path / "out", config)["last_loss"])
    by_size: Any = TrainingData.open(settings(**kind, data=["packed", "other"]), mixed).full_size().rows
    assert [by_size.deal.source_of(place)[0] for place in range(40)].count(0) == 20


def test_classes_of_a_mixture_must_be_the_same(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    (data,) = context.inputs["data"]
    other = replace(data, name="other", facts={**data.facts, "labels": CLASSES[::-1]})
    mixed = replace(context, inputs={**context.inputs, "data": [data, other]})
    with pytest.raises(UserError, match="with different labels"):
        TrainingData.open(settings(objective="classification", data=["packed", "other"]), mixed)
    TrainingData.open(settings(data=["packed", "other"]), mixed)


@pytest.mark.parametrize("kind", [{"next_sentence": True}, {"objective": "classification"}])
def test_rows_of_many_lengths_are_not_compiled(
    workspace: Workspace,
    reporter: Any,
    encoder_dir: Path,
    tmp_path: Path,
    kind: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    with pytest.raises(UserError, match="compile: true cannot be done"):
        stage.plan(settings(**kind, compile=True), context)
    monkeypatch.setattr(compilation, "WORTH_FLOPS", {"cpu": 0.0, "cuda": 0.0})
    assert not any("compiled" in note for note in stage.plan(settings(**kind), context).notes)


def test_compiled_layers_guess_the_same(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    monkeypatch.setattr(compilation, "WORTH_FLOPS", {"cpu": 0.0, "cuda": 0.0})
    assert any("compiled" in note for note in stage.plan(settings(), context).notes)
    plain = run(context, tmp_path / "plain", settings(compile=False))
    compiled = run(context, tmp_path / "compiled", settings(compile=True))
    assert compiled["last_loss"] == pytest.approx(plain["last_loss"], rel=1e-4)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("plain", "compiled"))
    for name, tensor in one.items():
        if name.endswith("key.bias"):  # changes nothing, so AdamW moves it by what rounding leaves
            continue
        torch.testing.assert_close(other[name], tensor, rtol=1e-2, atol=1e-3, msg=name)


def test_activations_may_be_computed_again(
    workspace: Workspace, reporter: Any, encoder_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, base(encoder_dir), tmp_path)
    plain = run(context, tmp_path / "plain", settings())
    saving = run(context, tmp_path / "saving", settings(activation_checkpointing=True))
    assert saving["last_loss"] == plain["last_loss"]
