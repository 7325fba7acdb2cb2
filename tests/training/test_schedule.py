"""Learning rates against their closed forms, torch's schedulers and transformers' schedules."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch.optim import lr_scheduler
from transformers import optimization

from danlu.training.schedule import learning_rate, make_learning_rate
from danlu.training.schedules.plateau import Plateau
from danlu.training.schedules.settings import ReduceOnPlateauSettings, ScheduleSettings

ADAPTER: TypeAdapter[ScheduleSettings] = TypeAdapter(ScheduleSettings)
POINTS = [{"at": 0.0, "share": 0.2}, {"at": 0.25, "share": 1.0}, {"at": 0.5, "share": 0.5}, {"at": 1.0, "share": 0.1}]
FALLING = ["linear", "cosine", "cosine_restarts", "wsd", "polynomial", "exponential"]
ALL = [*FALLING, "constant", "piecewise", "one_cycle", "cyclic", "inverse_sqrt", "reduce_on_plateau"]


def settings(**changes: Any) -> ScheduleSettings:
    return ADAPTER.validate_python(changes)


def rates(num_steps: int, **changes: Any) -> list[float]:
    chosen = settings(**changes)
    return [learning_rate(step, 1.0, num_steps=num_steps, settings=chosen) for step in range(num_steps)]


def rates_of(make: Any, num_steps: int) -> list[float]:
    """A torch scheduler's rates after 0, 1, ... `num_steps` steps, for a highest rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about steps of the optimizer, which there are none of
        scheduler = make(optimizer)
        found = []
        for _ in range(num_steps + 1):
            found.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return found


def test_a_schedule_is_a_cosine_unless_it_says_otherwise() -> None:
    assert rates(20, warmup_share=0.2, final_share=0.3) == rates(20, kind="cosine", warmup_share=0.2, final_share=0.3)


def test_warmup_rises_linearly_and_reaches_the_highest() -> None:
    got = rates(100, warmup_share=0.1)
    assert got[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert max(got) == 1.0


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in ("one_cycle", "piecewise")])
def test_warmup_by_steps_and_by_share_are_the_same(kind: str) -> None:
    assert rates(40, kind=kind, warmup_steps=10) == rates(40, kind=kind, warmup_share=0.25)
    with pytest.raises(ValidationError, match="warmup_share or warmup_steps, not both"):
        settings(kind=kind, warmup_steps=10, warmup_share=0.25)


def test_a_run_shorter_than_its_warmup_only_rises() -> None:
    assert rates(4, warmup_steps=8) == [1 / 8, 2 / 8, 3 / 8, 4 / 8]


def test_cosine_matches_its_formula_and_torch() -> None:
    got = rates(50, kind="cosine", warmup_share=0.0, final_share=0.2)
    assert got == pytest.approx([0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * step / 50)) for step in range(1, 51)])
    assert got == pytest.approx(rates_of(lambda o: lr_scheduler.CosineAnnealingLR(o, 50, 0.2), 50)[1:])


def test_linear_matches_torch_and_transformers() -> None:
    got = rates(10, kind="linear", warmup_share=0.0, final_share=0.2)
    assert got == pytest.approx(rates_of(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, 10), 10)[1:])
    got = rates(20, kind="linear", warmup_steps=5, final_share=0.0)
    assert got == pytest.approx(rates_of(lambda o: optimization.get_linear_schedule_with_warmup(o, 5, 20), 20)[1:])


def test_restarts_match_torch() -> None:
    got = rates(70, kind="cosine_restarts", warmup_share=0, cycles=3, growth=2, final_share=0.1)
    theirs = rates_of(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, 2, 0.1), 70)[1:]
    # Where torch has begun a cycle anew, ours ends the one before.
    ends = {9, 29, 69}
    assert [got[step] for step in sorted(ends)] == pytest.approx([0.1] * 3)
    assert [theirs[step] for step in sorted(ends)] == pytest.approx([1.0] * 3)
    within = [step for step in range(70) if step not in ends]
    assert [got[step] for step in within] == pytest.approx([theirs[step] for step in within])


@pytest.mark.parametrize(("ours", "theirs"), [("linear", "linear"), ("cosine", "cosine"), ("sqrt", "1-sqrt")])
def test_wsd_matches_transformers(ours: str, theirs: str) -> None:
    got = rates(100, kind="wsd", warmup_steps=20, decay_share=0.5, decay=ours, final_share=0.1)
    expected = rates_of(
        lambda o: optimization.get_wsd_schedule(o, 20, 40, num_training_steps=100, decay_type=theirs, min_lr_ratio=0.1),
        100,
    )
    # Their warm-up rises from the final share, ours from zero.
    assert got[20:] == pytest.approx(expected[21:])


def test_polynomial_matches_torch_and_transformers() -> None:
    got = rates(30, kind="polynomial", warmup_share=0, power=1.5, final_share=0)
    assert got == pytest.approx(rates_of(lambda o: lr_scheduler.PolynomialLR(o, 30, 1.5), 30)[1:])
    got = rates(30, kind="polynomial", warmup_steps=6, power=2, final_share=0.1)
    expected = rates_of(
        lambda o: optimization.get_polynomial_decay_schedule_with_warmup(o, 6, 30, lr_end=0.1, power=2), 30
    )
    assert got == pytest.approx(expected[1:])


def test_exponential_matches_torch() -> None:
    got = rates(25, kind="exponential", warmup_share=0, final_share=0.01)
    assert got == pytest.approx(rates_of(lambda o: lr_scheduler.ExponentialLR(o, 0.01 ** (1 / 25)), 25)[1:])


def test_piecewise_lines_match_numpy() -> None:
    got = rates(40, kind="piecewise", warmup_share=0, points=POINTS)
    at, share = ([point[key] for point in POINTS] for key in ("at", "share"))
    assert got == pytest.approx(np.interp(np.arange(1, 41) / 40, at, share).tolist())


def test_piecewise_steps_match_torch() -> None:
    points = [{"at": 0.0, "share": 1.0}, {"at": 0.3, "share": 0.1}, {"at": 0.8, "share": 0.01}]
    got = rates(10, kind="piecewise", warmup_share=0, between="step", points=points)
    assert got == pytest.approx(rates_of(lambda o: lr_scheduler.MultiStepLR(o, [3, 8], 0.1), 10)[1:])


def test_piecewise_points_must_be_in_order() -> None:
    with pytest.raises(ValidationError, match="must follow each other"):
        settings(kind="piecewise", points=POINTS[::-1])


@pytest.mark.parametrize("curve", ["cosine", "linear"])
def test_one_cycle_matches_torch(curve: str) -> None:
    got = rates(60, kind="one_cycle", curve=curve, rise_share=0.25, initial_share=0.05, final_share=0.001)
    # torch's scheduler cannot be stepped past its last step.
    expected = rates_of(
        lambda o: lr_scheduler.OneCycleLR(
            o, max_lr=1.0, total_steps=60, pct_start=0.25, anneal_strategy="cos" if curve == "cosine" else "linear",
            div_factor=20, final_div_factor=50, cycle_momentum=False,
        ),
        58,
    )  # fmt: skip
    assert got[:59] == pytest.approx(expected)
    assert got[59] == pytest.approx(0.001)


@pytest.mark.parametrize(("shrinkage", "mode"), [(1.0, "triangular"), (0.5, "triangular2")])
def test_cyclic_matches_torch(shrinkage: float, mode: str) -> None:
    got = rates(80, kind="cyclic", cycles=4, lowest_share=0.1, shrinkage=shrinkage)
    expected = rates_of(
        lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, step_size_up=10, mode=mode, cycle_momentum=False), 80
    )
    assert got == pytest.approx(expected[1:])


def test_inverse_sqrt_matches_transformers() -> None:
    got = rates(90, kind="inverse_sqrt", warmup_steps=30, timescale=30)
    expected = rates_of(lambda o: optimization.get_inverse_sqrt_schedule(o, 30), 90)
    assert got == pytest.approx(expected[1:])


@given(
    losses=st.lists(st.floats(0.1, 10), max_size=60),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    min_improvement=st.floats(0, 0.2),
)
def test_plateau_matches_torch(losses: list[float], patience: int, cooldown: int, min_improvement: float) -> None:
    chosen = ReduceOnPlateauSettings(
        kind="reduce_on_plateau", warmup_share=0, patience=patience, cooldown=cooldown,
        min_improvement=min_improvement, final_share=0.05,
    )  # fmt: skip
    plateau = Plateau(chosen)
    rate = make_learning_rate(chosen, 100, plateau)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=3.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, threshold=min_improvement, cooldown=cooldown, min_lr=0.15, eps=0
    )
    for number, loss in enumerate(losses):
        plateau.after_validation(number, loss)
        scheduler.step(loss)
        assert rate(number, 3.0) == pytest.approx(optimizer.param_groups[0]["lr"])


@given(
    num_steps=st.integers(1, 300),
    kind=st.sampled_from(ALL),
    warmup=st.floats(0, 0.99),
    final=st.floats(0, 1),
)
def test_always_within_bounds_and_ends_where_it_should(num_steps: int, kind: str, warmup: float, final: float) -> None:
    changes: dict[str, Any] = {"kind": kind}
    if kind != "one_cycle":
        changes["warmup_share"] = warmup
    if kind in FALLING:
        changes["final_share"] = final = max(final, 1e-9)
    if kind == "piecewise":
        changes["points"] = POINTS
    got = rates(num_steps, **changes)
    assert all(0 <= rate <= 1 + 1e-12 for rate in got)
    if kind in FALLING and math.ceil(warmup * num_steps) < num_steps:
        assert got[-1] == pytest.approx(final, abs=1e-9)
