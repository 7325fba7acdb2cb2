"""What is done about steps that went wrong, and that it is remembered."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from danlu.errors import UserError
from danlu.training.batches import Batch
from danlu.training.health.attempt import Attempt
from danlu.training.health.guard import MOST_IN_A_ROW, Guard, Rewind
from danlu.training.health.left_out import FILE, LeftOut
from danlu.training.health.outliers import Outliers
from danlu.training.health.settings import HealthSettings

OUTLIER = {"threshold": 5, "window": 10, "warmup_steps": 4}


def attempt(step: int, loss: float = 2.0, gradient_norm: float = 1.0, *, is_scaled: bool = False) -> Attempt:
    batch = Batch(step=step - 1, micro_batches=[], num_targets=1, num_tokens=1)
    return Attempt(step, batch, loss, gradient_norm, is_scaled, lambda: f"rows {step}, {step + 1}")


def guard(directory: Path, reporter: Any, *, has_checkpoint: bool = True, **settings: Any) -> Guard:
    health = HealthSettings.model_validate(settings)
    return Guard(health, Outliers(health.outlier), LeftOut(directory), reporter, lambda: has_checkpoint)


def left_out(directory: Path) -> list[int]:
    steps: list[int] = json.loads((directory / FILE).read_text(encoding="utf-8"))["steps"]
    return steps


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (2.0, math.inf), (-math.inf, math.nan)])
def test_stopping_names_the_rows(tmp_path: Path, reporter: Any, loss: float, norm: float) -> None:
    with pytest.raises(UserError, match=r"step 3: loss .*gradients of lm_head.*rows 3, 4"):
        guard(tmp_path, reporter).may_move(attempt(3, loss, norm), "lm_head")
    assert not (tmp_path / FILE).exists()


def test_the_scaler_of_float16_leaves_out_steps_by_itself(tmp_path: Path, reporter: Any) -> None:
    assert guard(tmp_path, reporter).may_move(attempt(1, 2.0, math.inf, is_scaled=True))
    with pytest.raises(UserError):
        guard(tmp_path, reporter).may_move(attempt(1, math.nan, math.inf, is_scaled=True))


def test_a_step_that_was_left_out_stays_so(tmp_path: Path, reporter: Any) -> None:
    one = guard(tmp_path, reporter, on_non_finite="skip")
    assert one.may_move(attempt(1))
    assert not one.may_move(attempt(2, math.nan))
    assert left_out(tmp_path) == [2]
    assert "rows 2, 3" in reporter.warnings[0]
    (event,) = [event for event in reporter.events if event["event"] == "step_left_out"]
    assert event["step"] == 2
    assert event["loss"] is None
    assert event["rows"] == "rows 2, 3"
    # Another process, for which the step happens to be fine: a fault of the machine does not come again.
    assert not guard(tmp_path, reporter, on_non_finite="skip").may_move(attempt(2))


def test_rewinding_needs_a_checkpoint(tmp_path: Path, reporter: Any) -> None:
    with pytest.raises(Rewind) as rewind:
        guard(tmp_path / "a", reporter, on_non_finite="rewind").may_move(attempt(5, math.nan))
    assert rewind.value.step == 5
    assert left_out(tmp_path / "a") == [5]  # on the disk before anything else
    assert not guard(tmp_path / "a", reporter, on_non_finite="rewind").may_move(attempt(5, math.nan))

    none = guard(tmp_path / "b", reporter, has_checkpoint=False, on_non_finite="rewind")
    assert not none.may_move(attempt(5, math.nan))
    assert "no checkpoint to go back to" in reporter.warnings[-1]


@pytest.mark.parametrize("policy", ["skip", "rewind"])
def test_too_many_in_a_row_stop(tmp_path: Path, reporter: Any, policy: str) -> None:
    one = guard(tmp_path, reporter, has_checkpoint=False, on_non_finite=policy)
    for step in range(1, MOST_IN_A_ROW + 1):
        assert not one.may_move(attempt(step, math.nan))
    with pytest.raises(UserError, match=f"the {MOST_IN_A_ROW} steps before"):
        one.may_move(attempt(MOST_IN_A_ROW + 1, math.nan))
    assert one.may_move(attempt(MOST_IN_A_ROW + 2))


def test_outliers_are_warned_about_once_and_made(tmp_path: Path, reporter: Any) -> None:
    one = guard(tmp_path, reporter, outlier=OUTLIER)
    assert all(one.may_move(attempt(step)) for step in range(1, 7))
    assert one.may_move(attempt(7, loss=50.0))
    assert one.may_move(attempt(8, loss=50.0))
    assert one.may_move(attempt(9))
    assert one.may_move(attempt(10, gradient_norm=40.0))
    assert [warning.split(":")[0] for warning in reporter.warnings] == ["Step 7 is an outlier", "Step 10 is an outlier"]
    assert "rows 7, 8" in reporter.warnings[0]


@pytest.mark.parametrize("policy", ["ignore", "stop", "skip", "rewind"])
def test_outliers_by_policy(tmp_path: Path, reporter: Any, policy: str) -> None:
    one = guard(tmp_path, reporter, outlier=OUTLIER, on_outlier=policy)
    assert all(one.may_move(attempt(step)) for step in range(1, 7))
    bad = attempt(7, gradient_norm=50.0)
    if policy == "ignore":
        assert one.may_move(bad)
        assert not reporter.warnings
    elif policy == "stop":
        with pytest.raises(UserError, match="robust standard deviations above"):
            one.may_move(bad)
    elif policy == "skip":
        assert not one.may_move(bad)
        assert not one.may_move(attempt(8, gradient_norm=50.0))  # what was left out is not remembered as usual
    else:
        with pytest.raises(Rewind):
            one.may_move(bad)
