"""Sizes that grow: the line as it is defined, every token read once, budgets and resumed runs right."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from safetensors.torch import load_file
from training_stage import make_context, run, run_cut, settings

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.models.flops import TrainingFlops
from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.batches import BatchStream
from danlu.training.budget import flops_of, steps_of, steps_within
from danlu.training.data import TrainingData
from danlu.training.pace import Pace
from danlu.training.ramps import ramp, ramp_steps
from danlu.training.settings import Budget, RampSettings
from packed_rows import make_store, write_store

LENGTHS = [30, 11, 20, 61, 5, 75, 40, 9, 17, 44, 64, 3, 33, 25, 128, 90]
CORPUS = replace(make_store([LENGTHS]), row_offsets=None, supervised=None)


@examples(deadline=None)
@given(
    first=st.integers(1, 300),
    more=st.integers(1, 600),
    over=st.floats(0.01, 1),
    num_steps=st.integers(1, 400),
    multiple=st.sampled_from([1, 8, 32]),
)
def test_grows_along_a_line(first: int, more: int, over: float, num_steps: int, multiple: int) -> None:
    full, grow = first + more, RampSettings(from_=first, over=over)
    sizes = ramp(grow, full, num_steps, multiple=multiple)
    grown = ramp_steps(grow, num_steps)
    for step in range(num_steps):
        on_line = first + more * step // grown if step < grown else full
        expected = full if on_line >= full else max(first, on_line // multiple * multiple)
        assert sizes.at(step) == expected


def test_without_settings_all_steps_are_alike() -> None:
    assert ramp(None, 7, 100).spans(100) == [(100, 7)]


@pytest.fixture
def context(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> StageContext:
    return corpus_context(workspace, reporter, tiny_model_dir, tmp_path / "one")


def corpus_context(workspace: Workspace, reporter: Any, model_dir: Path, directory: Path) -> StageContext:
    context = make_context(workspace, reporter, model_dir, directory)
    data = context.input("data")
    shutil.rmtree(data.path / "train")
    write_store(CORPUS, data.path, "train")
    facts = {**data.facts, "length": 128, "fingerprint": CORPUS.fingerprint}
    return replace(context, inputs={**context.inputs, "data": [replace(data, facts=facts)]})


def grown_settings(**changes: Any) -> Any:
    batch = {
        "rows": 4,
        "rows_at_once": 2,
        "rows_ramp": {"from": 1, "over": 0.5},
        "length_ramp": {"from": 32, "over": 0.8},
    }
    return settings(**{"objective": "language_model", "batch": batch, "budget": {"steps": 12}, **changes})


def read(batches: BatchStream, num_steps: int) -> list[list[int]]:
    return [
        [token for micro in batches.at(step).micro_batches for token in micro.input_ids[0, : micro.num_tokens].tolist()]
        for step in range(num_steps)
    ]


def test_every_token_is_read_once_an_epoch_whatever_the_sizes(context: StageContext) -> None:
    data = TrainingData.open(grown_settings(), context)
    batches = data.batches(12)
    found = read(batches, 12)
    rows = [len(batches.places(step)) for step in range(12)]
    lengths = [len(tokens) // count for tokens, count in zip(found, rows, strict=True)]
    assert rows == [1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4]
    assert lengths == [32, 32, 32, 32, 64, 64, 64, 96, 96, 96, 128, 128]
    assert [len(tokens) for tokens in found] == [
        batches.num_tokens(step + 1) - batches.num_tokens(step) for step in range(12)
    ]
    straight = [token for tokens in read(data.full_size(), 8) for token in tokens]
    grown = [token for tokens in found for token in tokens]
    assert grown == straight[: len(grown)]
    assert sorted(grown[: CORPUS.num_tokens]) == sorted(CORPUS.shards[0].tolist())


@examples(deadline=None, max_examples=20)
@given(steps=st.permutations(range(12)), rows_at_once=st.integers(1, 5))
def test_batches_are_the_same_in_whatever_order_and_pieces(
    context_of_module: StageContext, steps: list[int], rows_at_once: int
) -> None:
    expected = read(TrainingData.open(grown_settings(), context_of_module).batches(12), 12)
    config = grown_settings()
    batch = config.batch.model_copy(update={"rows_at_once": rows_at_once})
    other = TrainingData.open(config.model_copy(update={"batch": batch}), context_of_module).batches(12)
    found = {step: read_one(other, step) for step in steps}
    assert [found[step] for step in range(12)] == expected


def read_one(batches: BatchStream, step: int) -> list[int]:
    micro_batches = batches.at(step).micro_batches
    return [token for micro in micro_batches for token in micro.input_ids[0, : micro.num_tokens].tolist()]


@pytest.fixture(scope="module")
def context_of_module(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    directory = tmp_path_factory.mktemp("ramps")
    return corpus_context(Workspace.open(directory / "workspace"), None, tiny_model_dir, directory)


@examples(deadline=None, max_examples=30)
@given(over_rows=st.floats(0.01, 1), over_length=st.floats(0.01, 1))
def test_more_steps_read_more(context_of_module: StageContext, over_rows: float, over_length: float) -> None:
    batch = {"rows": 5, "rows_ramp": {"from": 2, "over": over_rows}, "length_ramp": {"from": 40, "over": over_length}}
    data = TrainingData.open(grown_settings(batch=batch), context_of_module)
    tokens = [data.batches(num_steps).num_tokens(num_steps) for num_steps in range(1, 80)]
    assert tokens == sorted(set(tokens))


@pytest.mark.parametrize("budget", [{"tokens": 3000}, {"epochs": 4.5}, {"flops": 1e7}, {"minutes": 0.5}])
def test_budgets_are_reached_and_not_overshot_by_a_step(
    context_of_module: StageContext, budget: dict[str, float]
) -> None:
    data = TrainingData.open(grown_settings(), context_of_module)
    flops = TrainingFlops(per_token=600.0, per_target=50.0, per_pair=7.0)
    pace = Pace(
        seconds_per_token=0.01,
        seconds_per_step=0.1,
        validation_seconds=0.0,
        validate_every_steps=None,
        seconds_before=2.0,
    )
    found = steps_of(
        Budget(**budget),
        data.batches,
        flops=lambda: flops,
        steps_in_time=lambda seconds: steps_within(pace, data.batches, seconds),
    )

    def spent(num_steps: int) -> float:
        """Of a run of so many steps, looking at each batch."""
        batches = data.batches(num_steps)
        all_batches = [batches.at(step) for step in range(num_steps)]
        tokens = sum(batch.num_tokens for batch in all_batches)
        match next(iter(budget)):
            case "epochs":
                return tokens / CORPUS.num_tokens
            case "flops":
                return flops_of(flops, batches, num_steps)
            case "minutes":
                # The most that fit, where the others are the fewest that reach.
                return (2.0 + 0.01 * tokens + 0.1 * (num_steps)) / 60
            case _:
                return tokens

    wanted = next(iter(budget.values()))
    if "minutes" in budget:
        assert spent(found) <= wanted < spent(found + 1)
    else:
        assert spent(found) >= wanted > spent(found - 1)


def test_flops_of_rows_that_grow_are_about_those_of_each_row(context_of_module: StageContext) -> None:
    flops = TrainingFlops(per_token=600.0, per_target=50.0, per_pair=7.0)
    batches = TrainingData.open(grown_settings(), context_of_module).batches(40)
    rows = [batches.rows.row(place) for place in range(batches.num_rows(40))]
    by_row = flops.total(
        sum(len(row.input_ids) for row in rows),
        sum(int(row.supervised.sum()) for row in rows),
        sum(int(length) * (int(length) + 1) / 2 for row in rows for length in row.document_lengths),
    )
    assert flops_of(flops, batches, 40) == pytest.approx(by_row, rel=0.02)


def test_the_plan_foretells_what_is_read(context: StageContext, tmp_path: Path) -> None:
    config = grown_settings(budget={"tokens": 3000})
    estimate = stage.plan(config, context)
    facts = run(context, tmp_path / "out", config)
    lines = map(json.loads, (context.directory / "metrics.jsonl").read_text().splitlines())
    records = [record for record in lines if "train/loss" in record]
    assert len(records) == facts["num_steps"] == estimate.facts["num_steps"]
    assert sum(record["train/tokens"] for record in records) == facts["num_tokens_trained"]
    assert facts["num_tokens_trained"] == estimate.facts["num_tokens_trained"]
    assert records[-1]["train/learning_rate"] == pytest.approx(0.1 * 0.02)  # the schedule ends with the run
    assert any(note.startswith("rows in a step grow from 1 to 4") for note in estimate.notes)
    assert any(note.startswith("tokens in a row grow from 32 to 128") for note in estimate.notes)


def test_resumes_to_the_same_bits(
    context: StageContext, workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    config = grown_settings(checkpoint={"every_seconds": 1e-6, "keep": 1})
    run(context, tmp_path / "straight", config)
    other = corpus_context(workspace, reporter, tiny_model_dir, tmp_path / "two")
    run_cut(other, tmp_path / "resumed", config, cut_after=7)
    straight, resumed = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("straight", "resumed"))
    assert all(straight[name].equal(resumed[name]) for name in straight)


def test_a_mixture_grows_too(context: StageContext) -> None:
    (data,) = context.inputs["data"]
    context = replace(context, inputs={**context.inputs, "data": [data, replace(data, name="other")]})
    config = grown_settings(data={"packed": 2, "other": 1})
    batches = TrainingData.open(config, context).batches(12)
    rows: Any = batches.rows
    places = np.concatenate([batches.places(step) for step in range(12)])
    dealt: dict[int, list[int]] = {0: [], 1: []}
    for place in places.tolist():
        dealt[rows.deal.source_of(place)[0]] += rows.row(place).input_ids.tolist()
    for source, tokens in dealt.items():
        whole: Any = TrainingData.open(config, context).full_size().rows
        straight = np.concatenate([whole.sources[source].row(place).input_ids for place in range(40)])
        assert tokens == straight[: len(tokens)].tolist()
    assert len(places) == batches.num_rows(12)
    assert sum(map(len, dealt.values())) == batches.num_tokens(12)


@pytest.mark.parametrize(
    ("batch", "what"),
    [
        ({"length_ramp": {"from": 128}}, "batch.length_ramp.from (128) is not below the 128 tokens of a row."),
        ({"rows": 2, "rows_ramp": {"from": 2}}, "rows_ramp.from (2) must be below rows (2)"),
    ],
)
def test_ramps_that_do_not_grow_are_refused(context: StageContext, batch: dict[str, Any], what: str) -> None:
    with pytest.raises((UserError, ValueError)) as caught:
        TrainingData.open(grown_settings(batch=batch), context)
    assert what in str(caught.value)


def test_packed_rows_have_their_length(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "packed")
    with pytest.raises(UserError, match="those of packed were packed when the examples were tokenised"):
        stage.plan(settings(batch={"length_ramp": {"from": 32}}), context)
