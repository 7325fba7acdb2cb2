"""Speed of pre-training beside transformers' Trainer and LitGPT: the same Llama of 17 million weights, the same rows.

The figure is tokens per second over the steps after warming up, as the clock on the wall has them; what compiling took
is reported apart, in the first step. Every program makes steps of 8 rows of 512 tokens with AdamW. Danlu runs the
recipe pretrain.yaml with ``danlu run``; what the others do is said in peers/. A round is one run of each program, in
turn, and the figure is the median over the rounds of the ratio within a round.

The roof is the machine's own rate of matrix products in bf16 (matrix_roof.py), measured in each round; a program's
share of it is its rate of floating point operations by the model's formula (`danlu.models.flops`) over that. The option
``--table`` adds a table of the steps from a plain loop to what Danlu does (pretrain_table.py).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, interleave, last_json, median_ratio, report
from benchmarks.pretrain_job import LITGPT, TRAINER, Job
from benchmarks.pretrain_table import measure_table

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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--steps", type=int, default=24, help=f"of each run, with the first {WARMUP_STEPS}, not counted"
    )
    parser.add_argument("--table", action="store_true", help="measure the steps on the way to this speed, too")
    options = parser.parse_args()

    TRAINER.make()
    LITGPT.make()
    runs: list[dict[str, Any]] = []
    roofs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-pretrain-") as directory:
        job = Job.prepare(Path(directory), options.steps)

        def measure(number: int, *, program: str) -> float:
            if program == "danlu":
                facts = job.train(steps=options.steps, seed=number)
            else:
                facts = job.train_peer(*PEERS[program], steps=options.steps)
            runs.append({"program": program, "round": number, **facts})
            return tokens_per_second(facts)

        def measure_roof(number: int) -> float:
            roofs.append(run_module("benchmarks.matrix_roof"))
            return float(roofs[-1]["roof"]) / 1e9

        programs = {name: partial(measure, program=name) for name in ("danlu", *PEERS)}
        figures = interleave(options.rounds, {**programs, "roof, GFLOP/s": measure_roof})
        table = measure_table(job, options.rounds) if options.table else None

    roof = figures.pop("roof, GFLOP/s")
    flops_per_token = next(run["flops_per_token"] for run in runs if run["program"] == "danlu")
    shares = {name: round(median_ratio(speeds, roof) * flops_per_token / 1e9, 3) for name, speeds in figures.items()}
    ratios = {name: round(median_ratio(figures["danlu"], figures[name]), 2) for name in PEERS}
    faster_litgpt = max((name for name in PEERS if "litgpt" in name), key=lambda name: statistics.median(figures[name]))
    shared: dict[str, Any] = {
        "tokens_per_second": figures,
        "ratios": ratios,
        "flops_per_token": flops_per_token,
        "roof_flops_per_second": roofs,
        "shares_of_roof": shares,
        "peer_versions": {peer.name: peer.versions() for peer in (TRAINER, LITGPT)},
        "table": table,
        "runs": runs,
    }
    print(f"danlu is faster by {ratios}; shares of the roof: {shares}", flush=True)
    met = [
        report("pretrain_speed_over_trainer_defaults", ratios["trainer fp32"], BAR_TRAINER, **shared),
        report("pretrain_speed_over_trainer_compiled", ratios["trainer bf16 compiled"], BAR_TRAINER_COMPILED, **shared),
        report("pretrain_speed_over_litgpt", ratios[faster_litgpt], BAR_LITGPT, faster=faster_litgpt, **shared),
        report("pretrain_share_of_roof", shares["danlu"], BAR_SHARE, **shared),
    ]
    sys.exit(not all(met))


def tokens_per_second(facts: dict[str, Any]) -> float:
    counted = facts["step_seconds"][WARMUP_STEPS:]
    return float(facts["tokens_per_step"] * len(counted) / sum(counted))


def run_module(name: str) -> dict[str, Any]:
    """Run a module of Danlu's environment in a process of its own; the JSON it ends with."""
    finished = subprocess.run([sys.executable, "-m", name], capture_output=True, text=True, cwd=REPOSITORY)
    if finished.returncode != 0:
        sys.exit(f"{name} ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


if __name__ == "__main__":
    main()
