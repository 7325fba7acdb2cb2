"""Speed of pre-training beside transformers' Trainer and LitGPT: the same Llama of 17 million weights, the same rows.

Every program makes steps of 8 rows of 512 tokens with AdamW. Danlu runs the recipe pretrain.yaml with ``danlu run``;
what the others do is said in peers/. All live side by side and take turns of ten seconds (turns.py), and the figure is
the median over the turns of the ratio of tokens per second within a turn. Steps in which programs compile and warm up
do not count.

The roof is the machine's own rate of matrix products in bf16 (matrix_roof.py), measured before and after; a program's
share of it is its rate of floating point operations by the model's formula (`danlu.models.flops`) over that. The option
``--table`` adds a table of the steps from a plain loop to what Danlu does (pretrain_table.py).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, last_json, report
from benchmarks.pretrain_job import LENGTH, LITGPT, ROWS_PER_STEP, TRAINER, Job
from benchmarks.pretrain_table import measure_table
from benchmarks.turns import Turns, median_turn_ratio, read_times, take_turns

WARMUP_STEPS = 4
PEERS = {
    "trainer fp32": (TRAINER, "fp32"),
    "trainer bf16 compiled": (TRAINER, "bf16-compiled"),
    "litgpt bf16-true compiled": (LITGPT, "bf16-true"),
    "litgpt bf16-mixed compiled": (LITGPT, "bf16-mixed"),
}

BAR_TRAINER = 2.6
BAR_TRAINER_COMPILED = 1.45
BAR_LITGPT = 1.3
BAR_SHARE = 0.75


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=Turns.count, help="of each program")
    parser.add_argument("--seconds", type=float, default=Turns.seconds, help="of a turn, but for the first")
    parser.add_argument("--table", action="store_true", help="measure the steps on the way to this speed, too")
    options = parser.parse_args()
    turns = Turns(options.turns, options.seconds)

    TRAINER.make()
    LITGPT.make()
    with tempfile.TemporaryDirectory(prefix="danlu-pretrain-") as name:
        directory = Path(name)
        # More steps than anything makes in its turns.
        job = Job.prepare(directory, steps := round(turns.first_seconds + turns.count * turns.seconds) * 2)
        times = {name: directory / f"times-{number}" for number, name in enumerate(PEERS)}
        programs = {"danlu": job.program(steps=steps)}
        programs |= {name: job.peer_program(*PEERS[name], times[name]) for name in PEERS}
        roofs = [run_module("benchmarks.matrix_roof")]
        rates = take_turns(
            programs,
            directory,
            turns,
            lambda name: job.step_times() if name == "danlu" else read_times(times[name]),
            WARMUP_STEPS,
        )
        roofs.append(run_module("benchmarks.matrix_roof"))
        table = measure_table(job, directory / "table", turns) if options.table else None

    tokens_per_second = {
        name: [round(rate * ROWS_PER_STEP * LENGTH, 1) for rate in rates[name].values()] for name in rates
    }
    medians = {name: statistics.median(figures) for name, figures in tokens_per_second.items()}
    roof = statistics.median(float(found["roof"]) for found in roofs)
    shares = {name: round(median * job.flops_per_token / roof, 3) for name, median in medians.items()}
    ratios = {name: round(median_turn_ratio(rates["danlu"], rates[name]), 2) for name in PEERS}
    faster_litgpt = max((name for name in PEERS if "litgpt" in name), key=lambda name: medians[name])
    shared: dict[str, Any] = {
        "ratios": ratios,
        "median_tokens_per_second": medians,
        "tokens_per_second": tokens_per_second,
        "flops_per_token": job.flops_per_token,
        "roof_flops_per_second": roofs,
        "shares_of_roof": shares,
        "peer_versions": {peer.name: peer.versions() for peer in (TRAINER, LITGPT)},
        "table": table,
    }
    print(f"tokens per second: {medians}; danlu is faster by {ratios}; shares of the roof: {shares}", flush=True)
    met = [
        report("pretrain_speed_over_trainer_defaults", ratios["trainer fp32"], BAR_TRAINER, **shared),
        report("pretrain_speed_over_trainer_compiled", ratios["trainer bf16 compiled"], BAR_TRAINER_COMPILED, **shared),
        report("pretrain_speed_over_litgpt", ratios[faster_litgpt], BAR_LITGPT, faster=faster_litgpt, **shared),
        report("pretrain_share_of_roof", shares["danlu"], BAR_SHARE, **shared),
    ]
    sys.exit(not all(met))


def run_module(name: str) -> dict[str, Any]:
    """Run a module of Danlu's environment in a process of its own; the JSON it ends with."""
    finished = subprocess.run([sys.executable, "-m", name], capture_output=True, text=True, cwd=REPOSITORY)
    if finished.returncode != 0:
        sys.exit(f"{name} ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


if __name__ == "__main__":
    main()
