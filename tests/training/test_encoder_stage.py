"""The training stage on encoders: hidden tokens first, then classes, saved as transformers reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from transformers import AutoModelForMaskedLM, AutoModelForPreTraining, AutoModelForSequenceClassification

from danlu.artifacts.manifest import Manifest
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import write_index, write_shard
from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.config import TrainConfig
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
        table = pa.table({"id": names, "source": ["file:a"] * len(names)})
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
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"goes with|trained whole|is not for|more than all"):
        settings(**wrong)
