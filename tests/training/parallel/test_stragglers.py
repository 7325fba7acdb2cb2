"""A slow rank is said once, a noisy one is not."""

from __future__ import annotations

import random
from typing import Any

from danlu.training.loop import StepReport
from danlu.training.parallel.stragglers import STEPS, Stragglers


def report(step: int, *seconds: float) -> StepReport:
    return StepReport(
        step=step,
        loss=1.0,
        learning_rate=0.1,
        gradient_norm=1.0,
        num_tokens=8,
        num_targets=8,
        seconds=max(seconds, default=1.0),
        rank_seconds=seconds,
    )


def test_a_slow_rank_is_said_once(reporter: Any) -> None:
    watcher = Stragglers(reporter)
    for step in range(1, 3 * STEPS):
        watcher.after_step(report(step, 1.0, 1.1, 2.0, 0.9))
    (warning,) = reporter.warnings
    assert warning.startswith("Rank 2 is slow: it computes 2 s a step and the others 1 s")


def test_noise_and_single_slow_steps_are_not(reporter: Any) -> None:
    watcher, chance = Stragglers(reporter), random.Random(0)
    for step in range(1, 200):
        seconds = [1.0 + 0.3 * chance.random() for _ in range(4)]
        if step % 7 == 0:
            seconds[step % 4] *= 5
        watcher.after_step(report(step, *seconds))
    assert reporter.warnings == []


def test_one_process_has_no_others(reporter: Any) -> None:
    watcher = Stragglers(reporter)
    for step in range(1, 2 * STEPS):
        watcher.after_step(report(step))
    assert reporter.warnings == []
