"""Training on several token stores."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from training_stage import make_context, run, run_cut, settings

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.data import TrainingData
from packed_rows import make_store, write_store

POEMS = make_store([[30, 11, 20], [61], [17, 44]], seed=2)
PROSE = replace(make_store([[40, 50, 3, 25, 33]], seed=3), row_offsets=None, supervised=None)


@pytest.fixture
def context(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> StageContext:
    """Two sources: examples, and the documents of a corpus."""
    return mixed_context(workspace, reporter, tiny_model_dir, tmp_path / "one")


def mixed_context(workspace: Workspace, reporter: Any, model_dir: Path, directory: Path) -> StageContext:
    context = make_context(workspace, reporter, model_dir, directory)
    inputs = []
    for name, store in (("poems", POEMS), ("prose", PROSE)):
        own = make_context(workspace, reporter, model_dir, directory / name).input("data")
        shutil.rmtree(own.path / "train")
        write_store(store, own.path, "train")
        facts = {**own.facts, "fingerprint": store.fingerprint, "tokenizer": "t", "vocabulary_size": 400}
        inputs.append(replace(own, name=name, facts=facts))
    return replace(context, inputs={**context.inputs, "data": inputs})


def mixed_settings(**changes: Any) -> Any:
    plain = {"objective": "language_model", "data": {"poems": 3, "prose": 1}, "batch": {"rows": 4}}
    return settings(**{**plain, **changes})


def test_batches_hold_the_sources_by_weight_and_the_plan_says_so(context: StageContext) -> None:
    config = mixed_settings(budget={"steps": 20})
    batches = TrainingData.open(config, context).full_size()
    prose = set(PROSE.shards[0].tolist())
    for step in range(20):
        rows = [batches.rows.row(int(place)) for place in batches.places(step)]
        assert sum(len(row.input_ids) == 64 and set(row.input_ids.tolist()) <= prose for row in rows) == 1
    notes = stage.plan(config, context).notes
    tokens = 20 * 64
    assert any(note.startswith(f"Warning: prose: {tokens:,} tokens (") and "8.48 passes" in note for note in notes)
    assert any(note.startswith("Warning: poems: ") and "20.00 passes" in note for note in notes)


def test_a_list_reads_every_source_as_often(context: StageContext) -> None:
    config = mixed_settings(data=["poems", "prose"], budget={"epochs": 10}, validate_every_steps=5)
    data = TrainingData.open(config, context)
    batches = data.full_size()
    steps = stage.plan(config, context).facts["num_steps"]
    assert batches.num_tokens(steps) >= 10 * (POEMS.num_tokens + PROSE.num_tokens) > batches.num_tokens(steps - 1)
    epochs = [note.split(", ")[-1] for note in stage.plan(config, context).notes if " passes over its own" in note]
    assert len(epochs) == 2
    rows: Any = batches.rows
    by_source = rows.tokens_by_source(batches.num_rows(steps))
    assert np.divide(by_source, [POEMS.num_tokens, PROSE.num_tokens]) == pytest.approx([10, 10], rel=0.1)
    assert len(data.held_out()) == 2
    assert data.fingerprint not in (POEMS.fingerprint, PROSE.fingerprint)


def test_resumes_to_the_same_bits(
    context: StageContext, workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    config = mixed_settings(validate_every_steps=2, checkpoint={"every_seconds": 1e-6, "keep": 1})
    run(context, tmp_path / "straight", config)
    other = mixed_context(workspace, reporter, tiny_model_dir, tmp_path / "two")
    run_cut(other, tmp_path / "resumed", config, cut_after=3)
    straight, resumed = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("straight", "resumed"))
    assert all(straight[name].equal(resumed[name]) for name in straight)


@pytest.mark.parametrize(
    ("fact", "what"),
    [
        ({"tokenizer": "other"}, "poems and prose were tokenised with different tokenizers."),
        ({"length": 32}, "different lengths (64 and 32)"),
        ({"tokenizer": None, "vocabulary_size": 500}, "different vocabulary sizes (400 and 500)"),
    ],
)
def test_sources_that_do_not_go_together_are_refused(context: StageContext, fact: dict[str, Any], what: str) -> None:
    poems, prose = context.inputs["data"]
    inputs = [poems, replace(prose, facts={**prose.facts, **fact})]
    with pytest.raises(UserError) as caught:
        stage.plan(mixed_settings(), replace(context, inputs={**context.inputs, "data": inputs}))
    assert what in caught.value.what
