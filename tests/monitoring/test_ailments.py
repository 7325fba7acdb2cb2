"""Each ailment on curves by formula: found where it was put, silent where it was not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from curves_by_formula import STEPS, cosine, curves, noisy, power_law, series

from danlu.monitoring.ailments.table import AILMENTS, TITLES
from danlu.monitoring.curves import Curves, DataFacts, HeldOutClasses
from danlu.monitoring.diagnosis import Diagnosis, diagnose
from danlu.monitoring.finding import Severity

MEBIBYTE = 2**20


def named(diagnosis: Diagnosis) -> list[str]:
    return [finding.ailment for finding in diagnosis.alarms]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.0])
def test_a_power_law_with_noise_is_healthy(seed: int, noise: float, exponent: float) -> None:
    loss = noisy(power_law(exponent=exponent), seed=seed, noise=noise)
    assert named(diagnose(curves(loss))) == []


@pytest.mark.parametrize("steps", [8, 12, 25, 60])
def test_a_short_run_is_healthy(steps: int) -> None:
    loss = noisy(power_law(steps, start=2.2, end=1.6), seed=3)
    assert named(diagnose(curves(loss, validation__loss=None, data=DataFacts()))) == []


def test_a_loss_that_hardly_moves_and_is_noisy_is_healthy() -> None:
    """As when a model that knows much already is tuned."""
    loss = noisy(np.linspace(1.75, 1.65, 40), noise=0.2)
    assert named(diagnose(curves(loss, validation__loss=None, data=DataFacts()))) == []


def test_a_rate_that_throws_the_loss_up_at_once() -> None:
    loss = noisy(np.concatenate([[6.5], 12 - 5 * np.linspace(0, 1, STEPS - 1) ** 0.2]))
    (finding,) = diagnose(curves(loss)).alarms
    assert finding.ailment == "learning_rate_high"
    assert finding.changes[0].option == "--set tuned.optimizer.learning_rate=8e-06"
    assert "rose from 6.5" in finding.sentence


def test_a_loss_that_is_no_number_soon_is_named_by_its_cause() -> None:
    loss = np.concatenate([np.linspace(6.5, 7.5, 20), [np.nan]])
    diagnosis = diagnose(curves(loss, validation__loss=None, data=DataFacts()))
    (finding,) = diagnosis.alarms
    assert finding.ailment == "learning_rate_high"
    assert [each.ailment for each in finding.consequences] == ["divergence"]
    assert finding.severity is Severity.CRITICAL


def test_a_run_that_says_so_has_broken_off() -> None:
    loss = noisy(power_law(300))
    error = "Training stopped at step 301: loss nan, gradient norm nan (rows 3)."
    (finding,) = diagnose(curves(loss, error=error, num_steps=1000, validation__loss=None)).alarms
    assert finding.ailment == "divergence"
    assert "from step 301" in finding.sentence


def test_a_loss_that_stands_still_under_long_steps() -> None:
    loss = noisy(np.concatenate([np.linspace(6.5, 5.4, 30), np.full(STEPS - 30, 5.4)]))
    ratio = series(np.full(40, 0.3), every=10)
    assert named(diagnose(curves(loss, update_ratio__layers_dot_0_dot_mlp=ratio)))[0] == "learning_rate_high"


def test_a_loss_that_falls_with_the_rate_only() -> None:
    rate = cosine()
    stands = np.flatnonzero(rate < 0.5 * rate.max())[-1]
    falls_from = int(np.flatnonzero((rate < 0.5 * rate.max()) & (np.arange(STEPS) > STEPS // 2))[0])
    loss = np.full(STEPS, 5.5)
    loss[:20] = np.linspace(6.5, 5.5, 20)
    loss[falls_from:] = np.linspace(5.5, 4.5, STEPS - falls_from)
    assert stands > falls_from
    found = diagnose(curves(noisy(loss), data=DataFacts()))
    assert named(found) == ["learning_rate_high"]
    assert "fell only with the rate" in found.alarms[0].sentence


def test_a_straight_fall_on_a_short_way() -> None:
    loss = noisy(6.5 - 0.15 * np.cumsum(cosine()) / cosine().sum(), noise=0.005)
    ratio = series(np.full(40, 1e-5), every=10)
    (finding,) = diagnose(curves(loss, update_ratio__layers_dot_0_dot_mlp=ratio, validation__loss=None)).alarms
    assert finding.ailment == "learning_rate_low"
    assert finding.changes[0].option == "--set tuned.optimizer.learning_rate=0.01"
    assert finding.numbers["way"] == pytest.approx(1e-5 * STEPS)
    assert [each.ailment for each in finding.consequences] == ["under_fitting"]


def test_a_straight_fall_of_a_run_whose_steps_are_not_known() -> None:
    loss = noisy(6.5 - 0.15 * np.cumsum(cosine()) / cosine().sum(), noise=0.005)
    found = curves(loss, update_ratio__layers_dot_0_dot_mlp=None, validation__loss=None, data=DataFacts())
    assert named(diagnose(found)) == ["learning_rate_low"]


def test_spoilt_rows_throw_a_loss_off_its_track() -> None:
    loss = power_law()
    loss[250:] = 7.0
    (finding,) = diagnose(curves(noisy(loss), validation__loss=None)).alarms
    assert finding.ailment == "divergence"
    assert finding.evidence[0].region is not None
    assert abs(finding.evidence[0].region.first - 245) < 15


def test_a_spike_that_heals_is_no_divergence() -> None:
    loss = power_law()
    loss[200:206] = 9.0
    assert named(diagnose(curves(noisy(loss)))) == []


def test_gradients_that_grow() -> None:
    gradient = noisy(np.exp(np.linspace(0, np.log(200), STEPS)), noise=0.02)
    (finding,) = diagnose(curves(train__gradient_norm=gradient)).alarms
    assert finding.ailment == "exploding_gradients"
    assert finding.numbers["growth"] == pytest.approx(200, rel=0.3)


def test_gradients_with_spikes() -> None:
    gradient = np.full(STEPS, 1.0)
    gradient[10::25] = 60.0
    (finding,) = diagnose(curves(train__gradient_norm=gradient)).alarms
    assert finding.ailment == "exploding_gradients"
    assert finding.numbers["share_of_spikes"] == pytest.approx(0.04)


def test_single_rows_that_stand_out_of_rows_learnt_by_heart_are_healthy() -> None:
    gradient = np.geomspace(3.0, 1e-4, STEPS)
    gradient[200::9] = 2.0
    assert named(diagnose(curves(train__gradient_norm=gradient))) == []


def test_a_log_in_which_nothing_moves_has_learnt_nothing() -> None:
    loss = noisy(np.full(60, 1.386), noise=0.01)
    found = curves(
        loss,
        validation__loss=series(noisy(np.full(6, 1.386), noise=0.0005), every=10),
        data=DataFacts(),
        update_ratio__layers_dot_0_dot_mlp=None,
        parameter_norm__layers_dot_0_dot_mlp=None,
    )
    assert named(diagnose(found)) == ["under_fitting"]


def test_gradients_that_are_huge_from_the_start_are_the_root_of_a_rising_loss() -> None:
    loss = np.concatenate([[60.0], np.full(STEPS - 1, 90.0)])
    found = diagnose(curves(noisy(loss), train__gradient_norm=np.full(STEPS, 4e4), validation__loss=None))
    assert named(found) == ["exploding_gradients"]
    assert "divergence" in [each.ailment for each in found.alarms[0].consequences]


def test_a_gradient_that_is_next_to_nothing() -> None:
    loss = noisy(np.full(STEPS, 6.5), noise=0.01)
    found = diagnose(curves(loss, train__gradient_norm=np.full(STEPS, 1e-6), validation__loss=None))
    assert named(found) == ["vanishing_gradients"]


def test_gradients_that_fade_on_their_way_down() -> None:
    layers = {f"gradient_norm__layers_dot_{number}_dot_mlp": np.full(20, 10.0 ** (number - 6)) for number in range(6)}
    (finding,) = diagnose(curves(**layers)).alarms
    assert finding.ailment == "vanishing_gradients"
    assert finding.numbers["smallest_over_largest"] == pytest.approx(1e-5)


def test_validation_that_rises() -> None:
    validation = np.concatenate([np.linspace(6.0, 4.0, 8), np.linspace(4.05, 5.0, 12)])
    train = noisy(power_law(end=1.0))
    (finding,) = diagnose(curves(train, validation__loss=series(validation, first=20, every=20))).alarms
    assert finding.ailment == "over_fitting"
    assert finding.numbers["best_step"] == 160
    assert finding.changes[0].option == "--set tuned.early_stopping.patience=3"


def test_validation_that_wavers_at_its_end_is_healthy() -> None:
    validation = np.concatenate([np.linspace(6.0, 4.0, 15), [4.01, 3.995, 4.02, 4.0, 4.01]])
    assert named(diagnose(curves(validation__loss=series(validation, first=20, every=20)))) == []


def test_over_fitting_that_early_stopping_ends_is_a_note() -> None:
    validation = np.concatenate([np.linspace(6.0, 4.0, 8), np.linspace(4.05, 5.0, 12)])
    settings = {"early_stopping": {"patience": 3}}
    found = diagnose(
        curves(noisy(power_law(end=1.0)), validation__loss=series(validation, first=20, every=20), settings=settings)
    )
    assert found.alarms == []
    assert [finding.ailment for finding in found.findings] == ["over_fitting"]


def test_a_loss_no_lower_than_frequencies_has_learnt_nothing() -> None:
    loss = noisy(power_law(60, start=6.5, end=5.4, exponent=1.0))
    found = diagnose(curves(loss, validation__loss=None, data=DataFacts(unigram_nats=5.4)))
    assert named(found) == ["under_fitting"]
    assert found.alarms[0].numbers["frequencies_only"] == 5.4


def test_while_a_run_goes_on_it_may_yet_learn() -> None:
    loss = noisy(power_law(60, start=6.5, end=5.4, exponent=1.0))
    found = diagnose(curves(loss, validation__loss=None, is_running=True, data=DataFacts(unigram_nats=5.4)))
    assert named(found) == []
    assert "still goes on" in found.unseen["under_fitting"]


@pytest.mark.parametrize(
    ("waiting", "found"),
    [
        (np.full(STEPS, 0.2), ["data_stall"]),
        (np.where(np.arange(STEPS) % 10 == 0, 2.0, 0.0), ["data_stall"]),
        (np.full(STEPS, 0.02), []),
    ],
)
def test_waiting_for_data(waiting: Any, found: list[str]) -> None:
    diagnosis = diagnose(curves(train__data_seconds=waiting, train__seconds=0.3 + waiting))
    assert named(diagnosis) == found
    if found:
        share = waiting[20:].sum() / (0.3 + waiting)[20:].sum()
        assert diagnosis.alarms[0].numbers["share"] == pytest.approx(share)


def test_memory_that_grows_is_foretold_to_its_end() -> None:
    resident = series((1000 + 8 * np.arange(30)) * MEBIBYTE, every=10)
    available = series((900 - 8 * np.arange(30)) * MEBIBYTE, every=10)
    (finding,) = diagnose(
        curves(system__resident_bytes=resident, system__available_bytes=available, num_steps=10_000)
    ).alarms
    assert finding.ailment == "memory_growth"
    assert finding.severity is Severity.CRITICAL
    assert finding.numbers["bytes_per_step"] == pytest.approx(0.8 * MEBIBYTE)
    assert finding.numbers["full_at_step"] == pytest.approx(291 + (900 - 8 * 29) / 0.8)


def test_memory_that_comes_to_rest_is_healthy() -> None:
    resident = series((2000 - 1000 * np.exp(-np.arange(40) / 5)) * MEBIBYTE, every=10)
    assert named(diagnose(curves(system__resident_bytes=resident))) == []


def test_a_rank_that_is_always_slower() -> None:
    ranks = {
        f"rank_seconds__{rank}": noisy(np.full(STEPS, 0.5 if rank != 2 else 0.7), seed=rank, noise=0.03)
        for rank in range(4)
    }
    (finding,) = diagnose(curves(**ranks)).alarms
    assert finding.ailment == "slow_rank"
    assert finding.sentence.startswith("Rank 2 ")
    assert finding.numbers["excess"] == pytest.approx(0.4, abs=0.02)


def test_ranks_that_are_slow_by_turns_are_healthy() -> None:
    ranks = {f"rank_seconds__{rank}": noisy(np.full(STEPS, 0.5), seed=rank, noise=0.1) for rank in range(4)}
    assert named(diagnose(curves(**ranks))) == []


def test_a_layer_that_looks_at_single_tokens() -> None:
    entropy = series(np.geomspace(0.7, 0.01, 40), every=10)
    found = diagnose(curves(attention_entropy__layers_dot_1=entropy))
    assert named(found) == ["saturated_attention"]
    assert "1 of 2 layers" in found.alarms[0].sentence


def classifier(labels: Any, probabilities: Any, counts: dict[str, int]) -> Curves:
    held_out = HeldOutClasses(np.asarray(labels), np.asarray(probabilities), "validation")
    loss = noisy(0.69 - 0.4 * np.linspace(0, 1, STEPS) ** 0.3, noise=0.05)
    facts = DataFacts(unigram_nats=0.69, class_counts=counts, held_out=held_out)
    return curves(loss, validation__loss=None, data=facts)


def classified(rows: int, *, right: float, noise: float, seed: int = 0) -> tuple[Any, Any]:
    """True classes by a logistic model of one number, of which `noise` are written down wrongly."""
    random = np.random.default_rng(seed)
    score = right * random.standard_normal(rows)
    truth = random.random(rows) < 1 / (1 + np.exp(-score))
    written = np.where(random.random(rows) < noise, ~truth, truth).astype(np.int64)
    chance = 1 / (1 + np.exp(-score))
    return written, np.stack([1 - chance, chance], axis=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("noise", "found"), [(0.0, []), (0.02, []), (0.2, ["label_noise"]), (0.4, ["label_noise"])])
def test_label_noise_is_told_from_hard_rows(seed: int, noise: float, found: list[str]) -> None:
    labels, probabilities = classified(2000, right=4.0, noise=noise, seed=seed)
    diagnosis = diagnose(classifier(labels, probabilities, {"bad": 1000, "good": 1000}))
    assert named(diagnosis) == found
    if found:
        assert diagnosis.alarms[0].numbers["share"] == pytest.approx(noise, abs=0.12)


@pytest.mark.parametrize("seed", range(5))
def test_a_hard_task_is_no_label_noise(seed: int) -> None:
    """A quarter of the rows is named wrongly, none of the labels is wrong."""
    labels, probabilities = classified(2000, right=2.0, noise=0.0, seed=seed)
    wrong = (probabilities.argmax(1) != labels).mean()
    assert 0.2 < wrong < 0.3
    assert named(diagnose(classifier(labels, probabilities, {"bad": 1000, "good": 1000}))) == []


def test_a_classifier_that_knows_nothing_contradicts_no_label() -> None:
    random = np.random.default_rng(0)
    chance = random.random(500)
    labels = random.integers(0, 2, 500)
    diagnosis = diagnose(classifier(labels, np.stack([1 - chance, chance], 1), {"bad": 500, "good": 500}))
    assert "no better than" in diagnosis.unseen["label_noise"]


def test_a_rare_class_that_is_passed_over() -> None:
    labels = np.array([0] * 470 + [1] * 30)
    chance = np.full(500, 0.05)
    diagnosis = diagnose(classifier(labels, np.stack([1 - chance, chance], 1), {"good": 4700, "bad": 300}))
    assert named(diagnosis) == ["class_imbalance"]
    assert diagnosis.alarms[0].numbers["found"] == 0.0


def test_a_rare_class_that_is_found_is_healthy() -> None:
    labels = np.array([0] * 470 + [1] * 30)
    chance = np.where(labels == 1, 0.9, 0.02)
    assert named(diagnose(classifier(labels, np.stack([1 - chance, chance], 1), {"good": 4700, "bad": 300}))) == []


def test_every_ailment_says_why_it_cannot_look() -> None:
    diagnosis = diagnose(Curves("empty", {"validation/loss": series([3.0, 2.0])}))
    assert diagnosis.alarms == []
    assert set(diagnosis.unseen) == set(TITLES)
    assert diagnosis.verdict == "too little was recorded to judge by"
    assert all(reason and not reason.endswith(".") for reason in diagnosis.unseen.values())


def test_the_table_names_only_what_there_is() -> None:
    keys = [ailment.key for ailment in AILMENTS]
    assert len(set(keys)) == len(keys)
    assert {key for ailment in AILMENTS for key in ailment.brings} <= set(keys)
