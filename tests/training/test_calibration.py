"""A budget of minutes: timed once, kept, and the same bits after a kill."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_stage import make_context, run, run_cut, settings

from danlu.settings import Workspace
from danlu.training import calibration, stage
from danlu.training.calibration import DECISION_FILE, Stopwatch, line_through, say_whether_it_held, timed_seconds
from danlu.training.loop import StepReport
from danlu.training.pace import Pace


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def report(num_tokens: int) -> StepReport:
    return StepReport(
        step=1, loss=1.0, learning_rate=0.0, gradient_norm=1.0, num_tokens=num_tokens, num_targets=1, seconds=0.1
    )


def test_the_first_step_is_not_timed_and_few_are_enough_when_they_are_slow() -> None:
    clock = FakeClock()
    stopwatch = Stopwatch(10.0, clock)
    for seconds in (50.0, 2.0, 4.0, 6.0):
        assert not stopwatch.has_enough()
        clock.now += seconds
        stopwatch.after_step(report(num_tokens=30))
    assert stopwatch.has_enough()
    assert stopwatch.mean_step == (30, pytest.approx((2 + 4 + 6) / 3))


def test_fast_steps_are_timed_as_long_as_was_asked_for() -> None:
    clock = FakeClock()
    stopwatch = Stopwatch(10.0, clock)
    while not stopwatch.has_enough():
        clock.now += 0.5
        stopwatch.after_step(report(num_tokens=10))
    assert stopwatch.num_steps == 20
    assert stopwatch.mean_step == (10, pytest.approx(0.5))


@pytest.mark.parametrize(
    ("steps", "per_step", "per_token"),
    [
        ([(100.0, 5.0)], 0.0, 0.05),
        ([(100.0, 5.0), (300.0, 11.0)], 2.0, 0.03),
        ([(100.0, 5.0), (300.0, 18.0)], 0.0, 0.06),  # a line that would begin below 0
        ([(100.0, 5.0), (300.0, 4.0)], 4.0, 0.0),
    ],
)
def test_steps_of_two_sizes_tell_what_a_step_takes(
    steps: list[tuple[float, float]], per_step: float, per_token: float
) -> None:
    assert line_through(steps) == pytest.approx((per_step, per_token))


def test_a_twentieth_of_the_budget_is_timed_but_no_more_than_a_minute() -> None:
    assert timed_seconds(100) == pytest.approx(5)
    assert timed_seconds(100_000) == 60


TIMED: dict[str, Any] = {
    "adapter": None,
    "budget": {"minutes": 0.05},
    "validate_every_steps": 5,
    "ema": {"decay": 0.9},
    "regularisation": {"dropout": 0.1},
    "checkpoint": {"every_seconds": 1e-6, "keep": 1},
}


def test_a_real_budget_is_kept_and_resumed_to_the_same_bits(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Checkpoints after every step, but not counted as if they were: the time is another test's.
    monkeypatch.setattr(calibration, "steps_within", lambda *_: 7)
    config = settings(**TIMED)
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "cut")
    run_cut(context, tmp_path / "resumed", config, cut_after=4)
    assert json.loads((context.directory / DECISION_FILE).read_text())["num_steps"] == 7
    assert [path.name for path in context.directory.iterdir() if path.name.startswith("tmp")] == []

    # As a run that was told the number of steps and timed nothing.
    told = make_context(workspace, reporter, tiny_model_dir, tmp_path / "told")
    torch.manual_seed(99)
    run(told, tmp_path / "straight", settings(**{**TIMED, "budget": {"steps": 7}}))
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "resumed"))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_the_time_is_about_kept(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> None:
    config = settings(budget={"minutes": 0.05}, validate_every_steps=20)
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "timed")
    run(context, tmp_path / "first", settings(budget={"steps": 1}))  # imports what the stage needs
    estimate = stage.plan(config, context)
    assert estimate.seconds <= 3.0 or estimate.facts["num_steps"] == 1
    assert any("0.05 minutes: about" in note for note in estimate.notes)
    started = time.perf_counter()
    facts = run(context, tmp_path / "out", config)
    # Wide, since other work may run beside the test; that it is about right is what is asked.
    assert time.perf_counter() - started < 20.0
    decided = json.loads((context.directory / DECISION_FILE).read_text())
    assert decided["num_steps"] == facts["num_steps"]
    assert (
        Pace(**decided["pace"]).seconds(facts["num_steps"], facts["num_tokens_trained"]) <= 3.0
        or facts["num_steps"] == 1
    )
    assert any("0.05 minutes are enough for" in message for message in reporter.messages)


@pytest.mark.parametrize(("seconds", "said"), [(10.0, False), (10.9, False), (12.0, True), (8.0, True)])
def test_says_when_the_time_was_not_kept(tmp_path: Path, reporter: Any, seconds: float, said: bool) -> None:
    class Batches:
        def num_tokens(self, num_steps: int) -> int:
            return 10 * num_steps

    pace = {
        "seconds_per_token": 0.1,
        "seconds_per_step": 0.0,
        "validation_seconds": 0.0,
        "validate_every_steps": None,
        "seconds_before": 3.0,
    }
    batches: Any = Batches()
    say_whether_it_held(tmp_path, batches, 5, 15, seconds, reporter)
    assert not reporter.warnings
    (tmp_path / DECISION_FILE).write_text(json.dumps({"num_steps": 15, "pace": pace}))
    say_whether_it_held(tmp_path, batches, 5, 15, seconds, reporter)
    assert bool(reporter.warnings) == said
    assert all("Steps 6 to 15 took" in warning for warning in reporter.warnings)
