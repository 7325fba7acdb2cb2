"""What the measurements of pre-training rest on: settings, curves, and ways of training that train the same."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.bench_memory import high_water_mark
from benchmarks.bench_time_to_loss import curve_of, first_reached
from benchmarks.peer import Peer
from benchmarks.pretrain_job import LENGTH, settings
from benchmarks.pretrain_table import WAYS, batch_of
from torch.utils.tensorboard import SummaryWriter
from transformers import LlamaConfig, LlamaForCausalLM


def test_settings_are_those_of_the_training_stage() -> None:
    changes = settings(steps=3, batch__rows_at_once=1, compile=False, precision="fp32")
    assert changes[::2] == ["--set"] * 4
    assert changes[1::2] == [
        "trained.budget.steps=3",
        "trained.batch.rows_at_once=1",
        "trained.compile=false",
        'trained.precision="fp32"',
    ]


def test_a_peer_is_called_with_its_arguments() -> None:
    python, script, *arguments = Peer("some").command("train.py", learning_rate=0.5, rows=Path("a b"))
    assert Path(python).parts[-4:] == ("peers", "some", "bin", "python")
    assert Path(script).parts[-2:] == ("peers", "train.py")
    assert arguments == ["--learning-rate", "0.5", "--rows", "a b"]


def test_the_clock_stands_still_while_validating(tmp_path: Path) -> None:
    writer = SummaryWriter(str(tmp_path / "tensorboard"))
    for step, time in ((1, 110.0), (2, 120.0), (3, 135.0), (4, 145.0)):
        writer.add_scalar("train/loss", 1.0, step, walltime=time)
    writer.add_scalar("validation/loss", 0.5, 2, walltime=125.0)
    writer.add_scalar("validation/loss", 0.25, 4, walltime=150.0)
    writer.close()
    assert curve_of(tmp_path, started=100.0) == [[20.0, 2.0, 0.5], [40.0, 4.0, 0.25]]


def test_a_loss_is_reached_at_the_first_point_below_it() -> None:
    curve = [[10.0, 1.0, 3.0], [20.0, 2.0, 2.0], [30.0, 3.0, 2.5]]
    assert first_reached(curve, 2.5) == 20.0
    assert first_reached(curve, 1.0) == math.inf


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux counts it there")
def test_the_high_water_mark_stays_when_memory_is_given_back() -> None:
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    del held
    assert high_water_mark("self") > 300_000_000


def test_rows_of_the_table_have_the_same_loss() -> None:
    """But those that are compiled, which the tests of the attention and the loss look at."""
    torch.manual_seed(0)
    rows = np.random.default_rng(0).integers(0, 50, (2, LENGTH))
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    model = LlamaForCausalLM(config)
    losses = {}
    for name, way in WAYS.items():
        if not way.is_compiled:
            (micro,) = batch_of(rows, 1).micro_batches
            losses[name] = float(way.objective(model, micro).detach())
    expected = model(torch.from_numpy(rows), labels=torch.from_numpy(rows)).loss.item() * 2 * (LENGTH - 1)
    assert len(losses) == 4
    assert losses == pytest.approx(dict.fromkeys(losses, expected), rel=1e-5)
