"""Numbers along a run, as other programs read them, and as if it had never been interrupted."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from danlu.telemetry.metrics import MetricsWriter, read_metrics


def write_steps(directory: Path, first_step: int, last_step: int, factor: float = 1.0) -> None:
    writer = MetricsWriter(directory, first_step)
    for step in range(first_step, last_step + 1):
        writer.write(step, {"train/loss": factor * step, "train/tokens": 10})
    writer.close()


def lines(directory: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Every curve as TensorBoard itself reads it: (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # 0: keep all points instead of a sample.
    events = EventAccumulator(str(directory / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {name: [(point.step, point.value) for point in events.Scalars(name)] for name in events.Tags()["scalars"]}


def wait_for_the_next_second() -> None:
    """TensorBoard orders event files by the second they were made in."""
    now = time.time()
    time.sleep(math.floor(now) + 1.01 - now)


def test_file_and_tensorboard_hold_the_same_numbers(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "new" / "directory", 1)
    writer.write(1, {"train/loss": 2.5, "train/tokens": 10})
    writer.write(2, {"train/loss": 1.25, "train/tokens": 12})
    writer.write(2, {"validation/loss": 1.5})
    writer.close()
    assert lines(tmp_path / "new" / "directory") == [
        {"step": 1, "train/loss": 2.5, "train/tokens": 10},
        {"step": 2, "train/loss": 1.25, "train/tokens": 12},
        {"step": 2, "validation/loss": 1.5},
    ]
    assert scalars(tmp_path / "new" / "directory") == {
        "train/loss": [(1, 2.5), (2, 1.25)],
        "train/tokens": [(1, 10), (2, 12)],
        "validation/loss": [(2, 1.5)],
    }


def test_resumed_run_reads_as_if_never_interrupted(tmp_path: Path) -> None:
    write_steps(tmp_path / "whole", 1, 8)
    write_steps(tmp_path / "resumed", 1, 6, factor=1.0)
    # The last checkpoint was of step 4; what was trained after it is trained again.
    before = scalars(tmp_path / "resumed")
    wait_for_the_next_second()
    write_steps(tmp_path / "resumed", 5, 8)
    assert [point[0] for point in before["train/loss"]] == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "resumed/metrics.jsonl").read_bytes() == (tmp_path / "whole/metrics.jsonl").read_bytes()
    assert scalars(tmp_path / "resumed") == scalars(tmp_path / "whole")


@pytest.mark.parametrize(("first_step", "kept"), [(0, []), (1, []), (3, [1, 2]), (4, [1, 2, 3]), (9, [1, 2, 3])])
def test_records_from_the_first_step_on_are_taken_back(tmp_path: Path, first_step: int, kept: list[int]) -> None:
    write_steps(tmp_path, 1, 3)
    MetricsWriter(tmp_path, first_step).close()
    assert [record["step"] for record in lines(tmp_path)] == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "tensorboard"]


@pytest.mark.parametrize("num_bytes_lost", [2, 10, 40])
def test_last_line_cut_short_is_left_out(tmp_path: Path, num_bytes_lost: int) -> None:
    write_steps(tmp_path, 1, 3)
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-num_bytes_lost])
    assert [record["step"] for record in read_metrics(path)] == [1, 2]
    write_steps(tmp_path, 3, 4)
    assert [record["step"] for record in lines(tmp_path)] == [1, 2, 3, 4]


def test_last_line_that_lacks_only_its_end_is_kept(tmp_path: Path) -> None:
    write_steps(tmp_path, 1, 3)
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    write_steps(tmp_path, 4, 4)
    assert [record["step"] for record in lines(tmp_path)] == [1, 2, 3, 4]


def test_bytes_that_a_power_cut_left_empty_are_left_out(tmp_path: Path) -> None:
    write_steps(tmp_path, 1, 3)
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    assert [record["step"] for record in read_metrics(path)] == [1, 2]


def test_what_was_written_before_a_kill_is_kept(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from danlu.telemetry.metrics import MetricsWriter\n"
        "writer = MetricsWriter(Path(sys.argv[1]), 1)\n"
        "for step in range(1, 51): writer.write(step, {'loss': 1 / step})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": step, "loss": 1 / step} for step in range(1, 51)]


def test_loss_that_is_no_number_is_recorded(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path, 1)
    writer.write(1, {"loss": math.nan})
    writer.write(2, {"loss": math.inf})
    writer.close()
    first, second = read_metrics(tmp_path / "metrics.jsonl")
    assert math.isnan(first["loss"])
    assert second["loss"] == math.inf


def test_no_file_is_no_records(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_records_are_replaced_in_one_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_steps(tmp_path, 1, 3)
    before = (tmp_path / "metrics.jsonl").read_bytes()

    def killed(*paths: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        MetricsWriter(tmp_path, 2)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before
