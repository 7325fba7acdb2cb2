"""Two processes with a core each beside one process with one core: tokens a second of the same training.

A model of 17 million weights is trained from scratch on rows of 512, compiled, as ``make bench-pretrain`` does it; the
processes are bound to their cores. Runs are taken in turn, and what counts is the median of the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import DANLU, REPOSITORY, compiler_cache, report, usual_environment
from benchmarks.layout_runs import is_trained
from danlu.telemetry.metrics import read_metrics

RECIPE = REPOSITORY / "benchmarks" / "scaling.yaml"
STAGE = "tuned"
BAR = 1.8
WARM_STEPS = 3
"""Not counted: in these, kernels are compiled and memory is taken."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("this machine has one core")
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-scaling-") as directory:
        scratch = Path(directory)
        _train(scratch, 1, cores[:1])  # prepares the data, and fills the compiler's cache
        for _ in range(options.rounds):
            one, two = _train(scratch, 1, cores[:1]), _train(scratch, 2, cores[:2])
            rounds.append({"one": one, "two": two, "ratio": two / one})
            print(f"one {one:.0f} tokens/s, two {two:.0f}: {two / one:.2f} times as fast", flush=True)
    ratio = statistics.median(row["ratio"] for row in rounds)
    sys.exit(not report("scaling_two_processes", round(ratio, 3), BAR, rounds=rounds))


def _train(workspace: Path, num_processes: int, cores: list[int]) -> float:
    """Tokens a second of all steps but the first few."""
    for path in (workspace / "artifacts" / "model").glob("*"):
        if is_trained(path):
            shutil.rmtree(path)
    shutil.rmtree(workspace / "runs", ignore_errors=True)
    command = [str(DANLU), "train", str(RECIPE), "--workspace", str(workspace), "--quiet", "--json"]
    finished = subprocess.run(
        ["taskset", "--cpu-list", ",".join(map(str, cores)), *command, "--nproc", str(num_processes)],
        env={**usual_environment(), **compiler_cache("scaling")},
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        sys.exit(finished.stderr)
    name = json.loads(finished.stdout.splitlines()[-1])["run"]
    (stage,) = (workspace / "runs" / name / "stages" / STAGE).iterdir()
    steps = [record for record in read_metrics(stage / "metrics.jsonl") if "train/seconds" in record][WARM_STEPS:]
    return float(sum(step["train/tokens"] for step in steps) / sum(step["train/seconds"] for step in steps))


if __name__ == "__main__":
    main()
