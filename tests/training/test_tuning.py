"""Settings tried out before a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from training_stage import make_context, run, settings

from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.training.tuning import fastest, suggested_learning_rate, try_learning_rates, try_rows_at_once


def test_suggests_a_tenth_of_where_most_is_gained_however_the_batches_differ() -> None:
    generator = np.random.default_rng(0)
    rates = np.geomspace(1e-6, 1, 200)
    gains = 2 / (1 + 3e-3 / rates) - (rates / 3e-2) ** 2
    untrained = 3 + generator.normal(size=200)
    losses = untrained - gains + 0.02 * generator.normal(size=200)
    suggestion = suggested_learning_rate(list(rates), list(losses), list(untrained))
    assert abs(math.log10(10 * suggestion / rates[np.argmax(gains)])) < 0.3


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 2.0, 3.0]])
def test_says_so_when_the_loss_never_fell(losses: list[float]) -> None:
    with pytest.raises(UserError, match=f"any of {len(losses)} learning rates"):
        suggested_learning_rate([1e-3] * len(losses), losses, [1.0, 1.5, 2.0])


def test_the_suggested_rate_trains_better_than_its_neighbours_far_away(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "tried")
    tested = try_learning_rates(settings(), context, lowest=1e-5, highest=100.0, num_steps=60)
    assert tested.learning_rates == pytest.approx(np.geomspace(1e-5, 100, 60)[: len(tested.losses)])
    assert not (context.directory / "checkpoints").exists()

    def last_loss(rate: float) -> float:
        where = make_context(workspace, reporter, tiny_model_dir, tmp_path / f"{rate}")
        config = settings(optimizer={"learning_rate": rate}, budget={"steps": 20})
        return float(run(where, tmp_path / f"{rate} out", config)["last_loss"])

    suggested = last_loss(tested.suggestion)
    assert suggested < last_loss(tested.suggestion / 50)
    assert suggested < last_loss(tested.suggestion * 200)


def test_rows_at_once_are_tried_up_to_the_batch_or_the_memory(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "tried")
    config = settings(batch={"rows": 5})
    tried = try_rows_at_once(config, context)
    assert [one.rows_at_once for one in tried] == [1, 2, 4]
    best = fastest(tried)
    assert best is not None
    assert best.seconds == min(one.seconds for one in tried)

    class Little:
        total = 1

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    tried = try_rows_at_once(config, context)
    assert [(one.rows_at_once, one.fits) for one in tried] == [(1, False)]
    assert fastest(tried) is None
