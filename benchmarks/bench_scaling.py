"""Two processes with a core each beside one process with one core: tokens a second of the same training.

A model of 17 million weights is trained from scratch on rows of 512, compiled, as ``make bench-pretrain`` does it; the
processes are bound to these cores. Beside both, two trainings that know nothing of each other run at the same time,
each on its core: what they reach together is what the machine has to give. Runs are taken in turn, and what counts is
the median of the ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import DANLU, REPOSITORY, compiler_cache, report, usual_environment
from benchmarks.layout_runs import forget_training
from danlu.telemetry.metrics import read_steps

RECIPE = REPOSITORY / "benchmarks" / "scaling.yaml"
STAGE = "tuned"
BAR = 1.8
WARM_STEPS = 3
"""Not counted: in these, kernels are compiled and memory is taken."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("this machine has one core")
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-scaling-") as directory:
        here, there = Path(directory) / "here", Path(directory) / "there"
        _tokens_per_second([(here, 1, cores[:1])])  # prepares the data, and fills the compiler's cache
        shutil.copytree(here, there)
        for _ in range(options.rounds):
            one = _tokens_per_second([(here, 1, cores[:1])])
            two = _tokens_per_second([(here, 2, cores[:2])])
            apart = _tokens_per_second([(here, 1, cores[:1]), (there, 1, cores[1:2])])
            rounds.append({"one": one, "two": two, "apart": apart, "ratio": two / one, "of_machine": two / apart})
            print(
                f"one {one:.0f} tokens/s, two {two:.0f}, two that do not talk {apart:.0f}:"
                f" {two / one:.2f} times as fast, {two / apart:.2f} of what there is",
                flush=True,
            )
    ratio = statistics.median(row["ratio"] for row in rounds)
    share = statistics.median(row["of_machine"] for row in rounds)
    met = report(
        "scaling_two_processes",
        round(ratio, 3),
        BAR,
        share_of_two_that_do_not_talk=round(share, 3),
        rounds=rounds,
    )
    sys.exit(not met)


Asked = tuple[Path, int, list[int]]
"""Workspace, number of processes, and the cores they are bound to."""


def _tokens_per_second(trainings: list[Asked]) -> float:
    """Of all of these together, run at the same time; of all steps but the first few."""
    running = [_start(*asked) for asked in trainings]
    for process in running:
        _, said = process.communicate()
        if process.returncode:
            sys.exit(said)
    return sum(_speed(workspace) for workspace, _, _ in trainings)


def _start(workspace: Path, num_processes: int, cores: list[int]) -> subprocess.Popen[str]:
    forget_training(workspace)
    command = [str(DANLU), "train", str(RECIPE), "--workspace", str(workspace), "--quiet"]
    return subprocess.Popen(
        ["taskset", "--cpu-list", ",".join(map(str, cores)), *command, "--nproc", str(num_processes)],
        env={**usual_environment(), **compiler_cache("scaling")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _speed(workspace: Path) -> float:
    (metrics,) = workspace.glob(f"runs/*/stages/{STAGE}/*/metrics.jsonl")
    steps = read_steps(metrics)[WARM_STEPS:]
    return float(sum(step["train/tokens"] for step in steps) / sum(step["train/seconds"] for step in steps))


if __name__ == "__main__":
    main()
