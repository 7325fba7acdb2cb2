"""How many steps a budget of minutes buys: decided once, from real steps timed before training begins.

The steps are made by a model, an optimizer and companions of their own, at a learning rate of zero, and all of them are
thrown away; the run that follows loads its own, so no bit of what it trains depends on them. The decision is kept in
the stage's directory. A run that goes on after a kill finds it there and ends at the same step.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from danlu.artifacts.stage import StageContext
from danlu.artifacts.store import write_synced
from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.reporter import Reporter
from danlu.training.batches import BatchStream, MicroBatches
from danlu.training.budget import steps_within
from danlu.training.companions import Companions
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.gradients import finisher
from danlu.training.held import hold
from danlu.training.loop import StepReport, train
from danlu.training.observers import WriteMetrics
from danlu.training.optimizer import make_optimizer
from danlu.training.pace import Pace
from danlu.training.setup import load_trainable, make_scaler, passes_over

DECISION_FILE = "budget.json"
TIMED_SHARE = 0.05
"""Of the budget: so long steps are timed."""
MOST_TIMED_SECONDS = 60.0
WARMUP_STEPS = 1
"""In the first step, kernels are compiled and memory is taken."""
FEWEST_TIMED_STEPS = 3
TIMED_VALIDATIONS = 8
"""Micro-batches of the validation rows, at most."""
WORTH_SAYING = 0.1
"""Share by which the time may be off before it is said."""


class Stopwatch:
    """Observer that times steps, from the end of one to the end of the next, and says when there are enough.

    Args:
        seconds: How long to look; `FEWEST_TIMED_STEPS` are timed however long they take.
        clock: In seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.num_steps = 0
        """Warm-up included."""
        self.num_tokens = 0
        self._clock = clock
        self._until = clock() + seconds
        self._began = self._last = 0.0

    def after_step(self, report: StepReport) -> None:
        self.num_steps += 1
        self._last = self._clock()
        if self.num_steps <= WARMUP_STEPS:
            self._began = self._last
        else:
            self.num_tokens += report.num_tokens

    def has_enough(self) -> bool:
        return self.num_steps >= WARMUP_STEPS + FEWEST_TIMED_STEPS and self._clock() >= self._until

    @property
    def mean_step(self) -> tuple[float, float]:
        """Tokens and seconds."""
        num_timed = self.num_steps - WARMUP_STEPS
        return self.num_tokens / num_timed, (self._last - self._began) / num_timed


def line_through(steps: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Seconds per step and per token, neither below 0, from the tokens and seconds of small and of large steps.

    Where there is one size of steps only, all is counted per token.
    """
    (small_tokens, small_seconds), (tokens, seconds) = steps[0], steps[-1]
    if tokens == small_tokens:
        return 0.0, seconds / tokens
    per_token = max(0.0, (seconds - small_seconds) / (tokens - small_tokens))
    per_step = seconds - tokens * per_token
    return (per_step, per_token) if per_step >= 0 else (0.0, seconds / tokens)


def timed_seconds(budget_seconds: float) -> float:
    """For how long steps are timed."""
    return min(TIMED_SHARE * budget_seconds, MOST_TIMED_SECONDS)


def decide_steps(
    config: TrainConfig,
    context: StageContext,
    data: TrainingData,
    held_out: MicroBatches,
    attention: str | None,
    budget_seconds: float,
    started: float,
) -> int:
    """Steps for a budget of time: as it was decided before, or by timing some now.

    Args:
        config: Of the stage.
        context: Of the stage, with its inputs made.
        data: What the run will read.
        held_out: What it will validate on.
        attention: As for `load_trainable`.
        budget_seconds: From the beginning of the stage to the end of the last step.
        started: When the stage began, by `time.perf_counter`.
    """
    path = context.directory / DECISION_FILE
    if path.exists():
        return int(json.loads(path.read_text(encoding="utf-8"))["num_steps"])
    context.directory.mkdir(parents=True, exist_ok=True)
    pace = _measured_pace(config, context, data, held_out, attention, budget_seconds, started)
    num_steps = steps_within(pace, data.batches, budget_seconds)
    write_synced(path, json.dumps({"num_steps": num_steps, "pace": asdict(pace)}))
    num_tokens = data.batches(num_steps).num_tokens(num_steps)
    context.reporter.say(
        f"{budget_seconds / 60:g} minutes are enough for {num_steps} steps with {num_tokens:,} tokens;"
        f" {pace.seconds_before:.0f} s of them go into loading and timing."
    )
    return num_steps


def say_whether_it_held(
    directory: Path, batches: BatchStream, first_step: int, last_step: int, seconds: float, reporter: Reporter
) -> None:
    """Say so when some steps took much more or less time than was decided on.

    Args:
        directory: Of the stage; without a decision in it, nothing is said.
        batches: What the steps read.
        first_step: How many had been made before.
        last_step: How many have been made.
        seconds: What they took, with validations and checkpoints.
        reporter: Told.
    """
    path = directory / DECISION_FILE
    if not path.exists() or first_step >= last_step:
        return
    pace = Pace(**json.loads(path.read_text(encoding="utf-8"))["pace"])
    before, after = (pace.seconds(step, batches.num_tokens(step)) for step in (first_step, last_step))
    off = seconds / (after - before) - 1
    if abs(off) > WORTH_SAYING:
        reporter.warn(
            f"Steps {first_step + 1} to {last_step} took {seconds:.1f} s, {off:+.0%} beside the {after - before:.1f} s"
            " they were given: the machine was not as fast as when steps were timed, or faster."
        )


def _measured_pace(
    config: TrainConfig,
    context: StageContext,
    data: TrainingData,
    held_out: MicroBatches,
    attention: str | None,
    budget_seconds: float,
    started: float,
) -> Pace:
    """Load, train without moving and validate, each timed."""
    load_started = time.perf_counter()
    model = load_trainable(context.input("model").path, config, attention, data.model_changes)
    optimizer = make_optimizer(model, config.optimizer)
    held = hold(model)
    companions = Companions.of(config, held.tensors, optimizer)
    load_seconds = time.perf_counter() - load_started
    sizes = [batches for batches in (data.first_size(), data.full_size()) if batches]
    steps = []
    with TemporaryDirectory(dir=context.directory) as scratch, passes_over(model, config) as passes:
        writer = MetricsWriter(Path(scratch), 1)
        for batches in sizes:
            stopwatch = Stopwatch(timed_seconds(budget_seconds) / len(sizes))
            train(
                held=held,
                passes=passes,
                batches=batches,
                optimizer=optimizer,
                learning_rate=lambda step, highest: 0.0,
                finish_gradients=finisher(config),
                num_steps=sys.maxsize,
                observers=[*companions.observers, WriteMetrics(writer), stopwatch],
                should_stop=stopwatch.has_enough,
                scaler=make_scaler(config),
            )
            steps.append(stopwatch.mean_step)
        writer.close()
        validation_seconds = 0.0
        if len(held_out) and config.validate_every_steps:
            some = [held_out[index] for index in range(min(TIMED_VALIDATIONS, len(held_out)))]
            passes.mean_loss(some[:1])  # what is compiled once
            validation_started = time.perf_counter()
            passes.mean_loss(some)
            validation_seconds = (time.perf_counter() - validation_started) * len(held_out) / len(some)
    seconds_per_step, seconds_per_token = line_through(steps)
    return Pace(
        seconds_per_token=seconds_per_token,
        seconds_per_step=seconds_per_step,
        validation_seconds=validation_seconds,
        validate_every_steps=config.validate_every_steps,
        # The run loads the model once more.
        seconds_before=time.perf_counter() - started + load_seconds,
    )
