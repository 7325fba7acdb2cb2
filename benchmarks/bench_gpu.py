"""Pre-training on one NVIDIA GPU beside transformers' Trainer with SDPA: a billion weights, rows of 4,096 tokens, bf16.

Danlu runs the recipe gpu.yaml with ``danlu run``; the Trainer gets the same weights and rows (peers/). They run one
after the other, in rounds, since each fills the GPU's memory; steps in which they compile and warm up do not count. The
share of the GPU's peak that Danlu reaches (MFU) is its rate of floating point operations by the model's formula
(`danlu.models.flops`: 6 for each weight but the embeddings, and attention) over what the maker says of dense products
in bf16. Last, a small model is trained with the same seed on the GPU and on the CPU, and their losses are compared.

The text is words that mean nothing, so nothing is downloaded but the Trainer's environment; where that cannot be,
``--this-environment`` runs it in Danlu's own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import REPOSITORY, interleave, median_ratio, report, run_recipe
from benchmarks.peer import PEERS, Peer
from benchmarks.pretrain_job import scalars
from benchmarks.turns import read_times
from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.contiguous import ContiguousRows

RECIPE = REPOSITORY / "benchmarks" / "gpu.yaml"
TRAINER = Peer("transformers")
DENSE_BF16_FLOPS = {"A100": 312e12, "H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12}
"""Per second, as NVIDIA says, by a part of the device's name; the first that fits."""
WARMUP_STEPS = 5
NUM_WORDS, NUM_DOCUMENTS, WORDS_PER_DOCUMENT = 60_000, 1_000, 3_000
BAR_MFU = 0.5
BAR_TRAINER = 1.3
BAR_LOSS = 0.02
"""Nats per token between GPU and CPU in the mean of ten steps: what rounding to bf16 in another order does."""


@dataclass(frozen=True)
class Job:
    """What is trained, and with what."""

    words: Path
    workspace: Path
    size: str
    length: int
    rows: int
    rows_at_once: int
    steps: int

    def run(self, changes: Mapping[str, str], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The whole recipe; what is already there is not made again. The facts of its stages.

        Args:
            changes: Of the training stage.
            environment: Variables besides this process's.
        """
        settings = {
            "words.from": self.words,
            "packed.length": self.length,
            "blank.size": self.size,
            "blank.context": self.length,
            "trained.batch": f"{{rows: {self.rows}, rows_at_once: {self.rows_at_once}}}",
            "trained.budget.steps": self.steps,
            **{f"trained.{name}": value for name, value in changes.items()},
        }
        arguments = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        stages: dict[str, Any] = run_recipe(RECIPE, self.workspace, *arguments, environment=environment)["stages"]
        return stages

    def newest_scalars(self, name: str) -> dict[int, tuple[float, float]]:
        runs = self.workspace / "runs" / "bench-gpu" / "stages" / "trained"
        return scalars(max(runs.iterdir(), key=lambda stage: stage.stat().st_mtime), name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40, help="of each run")
    parser.add_argument("--size", default="1B", help="of the model")
    parser.add_argument("--length", type=int, default=4096, help="of a row, in tokens")
    parser.add_argument("--rows", type=int, default=8, help="of a step")
    parser.add_argument("--rows-at-once", type=int, default=4, help="of a forward and backward pass")
    parser.add_argument("--float8", action="store_true", help="measure precision: fp8, too")
    parser.add_argument("--this-environment", action="store_true", help="run the Trainer in Danlu's environment")
    parser.add_argument("--without-gpu", action="store_true", help="try this script itself; nothing is reported")
    options = parser.parse_args()
    if not (torch.cuda.is_available() or options.without_gpu):
        sys.exit("bench-gpu needs an NVIDIA GPU; torch finds none here.")
    if not options.this_environment:
        TRAINER.make()
    with tempfile.TemporaryDirectory(prefix="danlu-gpu-") as name:
        measure(options, Path(name))


def measure(options: argparse.Namespace, directory: Path) -> None:
    write_words(words := directory / "words.txt")
    job = Job(
        words,
        directory / "workspace",
        options.size,
        options.length,
        options.rows,
        options.rows_at_once,
        options.steps,
    )
    first = job.run({})
    facts = json.loads((Path(first["trained"]["path"]) / "artifact.json").read_text(encoding="utf-8"))["facts"]
    flops_per_token = facts["flops"] / facts["num_tokens_trained"]
    rows = write_rows(job, Path(first["packed"]["path"]), directory / "rows.npy")

    def ours(number: int, **changes: str) -> float:
        job.run({"seed": str(number), **changes})
        return rate([moment for moment, _ in job.newest_scalars("train/seconds").values()], job)

    def trainer(number: int) -> float:
        times = directory / f"times-{number}"
        run_trainer(job, Path(first["blank"]["path"]), rows, times, options)
        return rate(read_times(times), job)

    programs = {"danlu": ours, "trainer": trainer}
    if options.float8:
        programs["danlu fp8"] = lambda number: ours(number, precision="fp8")
    figures = interleave(options.rounds, programs)
    curves = compare_curves(words, directory)
    print(f"tokens per second: {figures}; losses on GPU and CPU differ by {curves['difference']:.4f}", flush=True)
    if not torch.cuda.is_available():
        return
    device = torch.cuda.get_device_name()
    peak = next((flops for part, flops in DENSE_BF16_FLOPS.items() if part in device), None)
    details: dict[str, Any] = {
        "device": device,
        "tokens_per_second": figures,
        "flops_per_token": flops_per_token,
        "peak_flops_per_second": peak,
        "peer_versions": [] if options.this_environment else TRAINER.versions(),
    }
    mfu = statistics.median(figures["danlu"]) * flops_per_token / peak if peak else 0.0
    faster = median_ratio(figures["danlu"], figures["trainer"])
    met = [
        report("gpu_mfu", round(mfu, 3), BAR_MFU, **details),
        report("gpu_speed_over_trainer", round(faster, 2), BAR_TRAINER, **details),
        report(
            "gpu_loss_curve", round(curves["difference"], 4), BAR_LOSS, smaller_is_better=True, device=device, **curves
        ),
    ]
    sys.exit(not all(met))


def write_words(path: Path) -> None:
    """Documents of invented words, the n-th of which is drawn 1/n as often as the first."""
    random = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(random.choice(letters, size)) for size in random.integers(2, 10, NUM_WORDS)]
    shares = 1 / np.arange(1, NUM_WORDS + 1)
    drawn = random.choice(NUM_WORDS, (NUM_DOCUMENTS, WORDS_PER_DOCUMENT), p=shares / shares.sum())
    path.write_text("\n\n".join(" ".join(words[word] for word in row) for row in drawn), encoding="utf-8")


def write_rows(job: Job, packed: Path, path: Path) -> Path:
    """As many rows as the steps take, .npy of (rows, length)."""
    source = ContiguousRows(TokenStore.open(packed, "train"), job.length, seed=0, isolate_documents=False)
    np.save(path, np.stack([source.row(place).input_ids for place in range(job.steps * job.rows)]))
    return path


def run_trainer(job: Job, model: Path, rows: Path, times: Path, options: argparse.Namespace) -> None:
    command = TRAINER.command(
        "transformers_pretrain.py",
        model=model,
        rows=rows,
        configuration="bf16-sdpa",
        steps=job.steps,
        learning_rate=3e-4,
        times=times,
        rows_at_once=job.rows_at_once,
        rows_per_step=job.rows,
    )
    if options.this_environment:
        command = [sys.executable, str(PEERS / "transformers_pretrain.py"), *command[2:]]
    finished = subprocess.run(command, capture_output=True, text=True, env=TRAINER.environment())
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {finished.returncode}:\n{finished.stderr}")


def rate(step_times: list[float], job: Job) -> float:
    """Tokens per second after warming up, from the times at which steps ended."""
    counted = step_times[WARMUP_STEPS - 1 :]
    return (len(counted) - 1) * job.rows * job.length / (counted[-1] - counted[0])


def compare_curves(words: Path, directory: Path) -> dict[str, Any]:
    """Losses of one small training on the GPU and on the CPU, and the largest difference of means of ten steps."""
    losses = {}
    for device, environment in (("gpu", {}), ("cpu", {"CUDA_VISIBLE_DEVICES": ""})):
        job = Job(words, directory / device, size="2M", length=256, rows=16, rows_at_once=8, steps=60)
        job.run({"optimizer": "{learning_rate: 1.0e-3}"}, environment)
        losses[device] = [value for _, value in job.newest_scalars("train/loss").values()]
    means = {device: np.array(values).reshape(-1, 10).mean(1) for device, values in losses.items()}
    return {"difference": float(np.abs(means["gpu"] - means["cpu"]).max()), "losses": losses}


if __name__ == "__main__":
    main()
