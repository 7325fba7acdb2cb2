"""The training stage on several processes: the same adapter as on one, and a rank that is killed is named."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_stage import make_context, run, settings

from danlu.artifacts.stage import StageContext
from danlu.errors import Stopped, UserError
from danlu.settings import Workspace
from danlu.telemetry.metrics import read_steps
from danlu.training.optimizers.groups import trained_by_name
from danlu.training.parallel.launching import fit_on_ranks

CHECKPOINTS = {"every_steps": 5, "keep": 1}


def losses(context: StageContext) -> list[float]:
    return [record["train/loss"] for record in read_steps(context.directory / "metrics.jsonl")]


def when(context: StageContext, rank: int, step: int, do: Any) -> None:
    """In the background: call with a rank's process number when it has made so many steps."""

    def wait() -> None:
        path = context.directory / "ranks" / f"beat-{rank}.json"
        while True:
            try:
                beat = json.loads(path.read_text())
                if beat["step"] >= step:
                    do(beat["pid"])
                    return
            except (FileNotFoundError, json.JSONDecodeError):
                pass
            time.sleep(0.005)

    threading.Thread(target=wait, daemon=True).start()


def test_a_killed_rank_is_named_and_the_training_finishes(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any
) -> None:
    budget = {"steps": 200}
    alone = make_context(workspace, reporter, tiny_model_dir, tmp_path / "alone")
    run(alone, tmp_path / "one", settings(budget=budget, checkpoint=CHECKPOINTS))
    together = make_context(workspace, reporter, tiny_model_dir, tmp_path / "together")
    when(together, 1, 20, lambda pid: os.kill(pid, signal.SIGKILL))
    facts = run(together, tmp_path / "two", settings(budget=budget, checkpoint=CHECKPOINTS, parallel={"data": 2}))
    assert facts["parallel"] == {"data": 2}
    (warning,) = [each for each in reporter.warnings if "is slow" not in each]  # as it is on a busy machine
    assert warning.startswith("rank 1 (host ")
    assert "was ended by SIGKILL from outside; all ranks start again from the last checkpoint." in warning
    assert losses(together) == pytest.approx(losses(alone), rel=1e-4)
    one, two = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-3, atol=1e-4)


def test_one_process_can_have_its_weights_wait_in_main_memory(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any
) -> None:
    alone = make_context(workspace, reporter, tiny_model_dir, tmp_path / "alone")
    run(alone, tmp_path / "one", settings())
    offloaded = make_context(workspace, reporter, tiny_model_dir, tmp_path / "offloaded")
    facts, model = fit_on_ranks(settings(parallel={"offload": True}), offloaded)
    assert facts["parallel"] == {"offload": True}
    assert losses(offloaded) == pytest.approx(losses(alone), rel=1e-5)
    trained = load_file(tmp_path / "one" / "adapter_model.safetensors")
    for name, parameter in trained_by_name(model).items():
        torch.testing.assert_close(parameter, trained[name.replace(".default", "")], rtol=1e-3, atol=1e-5)


def test_without_a_gpu_nothing_is_offloaded(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    facts = run(context, tmp_path / "out", settings(parallel={"offload": True}))
    assert "parallel" not in facts
    said = [event.get("message", "") for event in reporter.events]
    assert "parallel.offload is left out: there is no GPU here." in said


def test_what_the_user_can_mend_is_said_as_by_one_process(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    wild = {"kind": "sgd", "learning_rate": 1e30}
    with pytest.raises(UserError, match="Training stopped at step"):
        run(context, tmp_path / "out", settings(optimizer=wild, max_gradient_norm=1e30, parallel={"data": 2}))


def test_a_stop_is_passed_on_and_training_goes_on_from_there(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    config = settings(budget={"steps": 100}, parallel={"data": 2})
    when(context, 0, 5, lambda pid: setattr(context.stop, "_signal_number", signal.SIGTERM))
    with pytest.raises(Stopped, match="tuned is saved up to step"):
        run(context, tmp_path / "out", config)
    context.stop._signal_number = None
    run(context, tmp_path / "again", config)
    assert any("Going on from the checkpoint of step" in event.get("message", "") for event in reporter.events)
    assert [record["step"] for record in read_steps(context.directory / "metrics.jsonl")] == list(range(1, 101))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["meeting", "handing in"])
def test_copies_apart_learn_and_go_on_where_they_met(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any, asynchronous: bool
) -> None:
    apart = {"copies": 2, "every_steps": 4, "outer_learning_rate": 1, "outer_momentum": 0, "asynchronous": asynchronous}
    config = settings(budget={"steps": 160}, apart=apart, batch={"rows": 4, "rows_at_once": 1}, validate_every_steps=80)
    whole = make_context(workspace, reporter, tiny_model_dir, tmp_path / "whole")
    facts = run(whole, tmp_path / "undisturbed", config)
    records = read_steps(whole.directory / "metrics.jsonl")
    assert [record["step"] for record in records] == list(range(1, 161))
    assert sum(record["train/tokens"] for record in records) == facts["num_tokens_trained"]
    assert records[-1]["train/loss"] < records[0]["train/loss"] - 2
    assert facts["num_bytes_handed_in"] > 0

    cut = make_context(workspace, reporter, tiny_model_dir, tmp_path / "cut")
    when(cut, 0, 9, lambda pid: setattr(cut.stop, "_signal_number", signal.SIGTERM))
    with pytest.raises(Stopped, match="tuned is saved up to step"):
        run(cut, tmp_path / "out", config)
    cut.stop._signal_number = None
    assert max(record["step"] for record in read_steps(cut.directory / "metrics.jsonl")) % 4 == 0
    run(cut, tmp_path / "again", config)
    assert any("Going on from the checkpoint of step" in event.get("message", "") for event in reporter.events)
    assert [record["step"] for record in read_steps(cut.directory / "metrics.jsonl")] == list(range(1, 161))
    one, two = (tmp_path / name / "adapter_model.safetensors" for name in ("undisturbed", "again"))
    # Who is faster decides what comes of the other way, and so it is not the same twice.
    assert asynchronous or one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"parallel": {"tensor": 2}}, "parallel.tensor divides the layers that an adapter is put on"),
        ({"parallel": {"tensor": 4}, "adapter": None}, "parallel.tensor: 4 does not divide the model's num_key_value"),
        ({"parallel": {"pipeline": 3}}, "parallel.pipeline: 3 pieces cannot share 2 layers"),
        ({"parallel": {"data": 2}, "budget": {"minutes": 1}}, "budget.minutes: 1 is for one process"),
        (
            {"parallel": {"shard": 2}, "adapter": None, "optimizer": {"kind": "lamb"}},
            "The optimizer lamb looks at whole matrices, which parallel.shard divides",
        ),
    ],
)
def test_layouts_that_cannot_be(
    tmp_path: Path, workspace: Workspace, tiny_model_dir: Path, reporter: Any, changes: dict[str, Any], what: str
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    with pytest.raises(UserError, match=what):
        run(context, tmp_path / "out", settings(**changes))
