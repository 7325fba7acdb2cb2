"""Logs of other trainers, written as they write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.monitoring.reading.foreign import read_curves
from danlu.monitoring.reading.names import METRICS, OURS, our_name, plain


def values(path: Path, name: str) -> tuple[list[float], list[float]]:
    series = read_curves(path).series[name]
    return series.steps.tolist(), series.values.tolist()


def test_our_own_metrics(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "train/loss": 3.0}\n{"step": 2, "train/loss": 2.0}\n{"step": 2, "validation/loss": 2.5}\n{"st'
    )
    assert values(path, "train/loss") == ([1, 2], [3.0, 2.0])
    assert values(path, "validation/loss") == ([2], [2.5])


def test_trainer_state_of_transformers(tmp_path: Path) -> None:
    history = [
        {"epoch": 0.1, "step": 10, "loss": 2.5, "grad_norm": 1.25, "learning_rate": 1e-4},
        {"epoch": 0.2, "step": 20, "loss": 2.25, "grad_norm": float("nan"), "learning_rate": 5e-5},
        {"epoch": 0.2, "step": 20, "eval_loss": 2.4, "eval_runtime": 1.0},
        {"epoch": 0.2, "step": 20, "train_runtime": 9.0, "train_loss": 2.4, "total_flos": 1e9},
    ]
    (tmp_path / "checkpoint-20").mkdir()
    (tmp_path / "checkpoint-20" / "trainer_state.json").write_text(
        json.dumps({"log_history": history, "global_step": 20})
    )
    assert values(tmp_path, "train/learning_rate") == ([10, 20], [1e-4, 5e-5])
    assert values(tmp_path, "validation/loss") == ([20], [2.4])
    # The mean of the whole run, which closes the history, is no value of its last step.
    assert values(tmp_path, "train/loss") == ([10, 20], [2.5, 2.25])


def test_history_of_keras(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps({"loss": [0.9, 0.5, 0.3], "val_loss": [0.95, 0.7, 0.8], "lr": [1e-3, 1e-3, 1e-4]}))
    assert values(path, "train/loss") == ([1, 2, 3], [0.9, 0.5, 0.3])
    assert values(path, "validation/loss") == ([1, 2, 3], [0.95, 0.7, 0.8])
    assert values(path, "train/learning_rate")[1] == [1e-3, 1e-3, 1e-4]


def test_csv_with_holes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(
        "epoch,step,train_loss_step,val_loss,lr-AdamW\n0,9,3.5,,0.001\n0,19,3.0,,0.002\n0,19,,2.9,\n1,29,2.5,,0.003\n"
    )
    assert values(tmp_path, "train/loss") == ([9, 19, 29], [3.5, 3.0, 2.5])
    assert values(path, "validation/loss") == ([19], [2.9])
    assert values(path, "train/learning_rate") == ([9, 19, 29], [0.001, 0.002, 0.003])


def test_csv_without_steps_counts_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    path.write_text("Train Loss\tVal Loss\n3\t4\n2\t3.5\n")
    assert values(path, "train/loss") == ([1, 2], [3.0, 2.0])


def test_a_log_of_one_epoch_counts_steps_within_it(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps({"epoch": 1, "iter": place, "loss": 5 - place}) for place in range(4)))
    assert values(path, "train/loss") == ([0, 1, 2, 3], [5, 4, 3, 2])


def test_tensorboard(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "runs" / "first")) as writer:
        for step in range(5):
            writer.add_scalar("Loss/train", 3.0 - step / 8, step)
            writer.add_scalar("Loss/val", 3.5 - step / 8, step)
            writer.add_scalar("lr", 0.5, step)
    assert values(tmp_path, "train/loss") == ([0, 1, 2, 3, 4], [3.0, 2.875, 2.75, 2.625, 2.5])
    assert values(tmp_path, "validation/loss")[1][0] == 3.5
    assert values(tmp_path, "train/learning_rate")[1] == [0.5] * 5


def test_what_has_no_loss_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("name,size\na,1\nb,2\n")
    with pytest.raises(UserError, match="no loss is in it, only size"):
        read_curves(path)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with pytest.raises(UserError, match="holds no log"):
        read_curves(nothing)


def test_no_name_stands_for_two_metrics() -> None:
    names = [name for known in METRICS.values() for name in known]
    assert len(set(names)) == len(names) == len(OURS)
    assert all(plain(name) == name for name in names)
    assert all(our_name(ours) == ours for ours in METRICS)
