"""Ranks of a training on four processes are killed, and frozen, at random moments; every run has to come to its end.

Fifty runs in which a random rank is killed (SIGKILL) after a random step: each has to finish with a last loss within
1e-4 of the undisturbed run's. Ten runs in which one is frozen (SIGSTOP): it has to be named, with where it was, within
sixty seconds, and the run has to finish as well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.common import report, usual_environment
from benchmarks.layout_runs import Layout, command, prepare, stage_directory, trial
from danlu.telemetry.metrics import read_steps

TOLERANCE = 1e-4
NAMED_SECONDS = 60.0
STEPS = 60
SETTINGS = {"budget": f"{{steps: {STEPS}}}"}
LAYOUTS: list[Layout] = [{"data": 4}, {"data": 2, "shard": 2}, {"pipeline": 2, "tensor": 2}, {"shard": 2, "context": 2}]
"""Taken in turn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7, help="of ranks and moments")
    options = parser.parse_args()

    chance = random.Random(options.seed)
    kills: list[dict[str, Any]] = []
    freezes: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-faults-") as scratch:
        template = prepare(Path(scratch))
        expected = [trial(template, Path(scratch) / f"{n}", layout, SETTINGS) for n, layout in enumerate(LAYOUTS)]
        for number in range(options.kills + options.freezes):
            what = signal.SIGKILL if number < options.kills else signal.SIGSTOP
            place = number % len(LAYOUTS)
            found = _harmed(template, Path(scratch) / "harmed", LAYOUTS[place], what, chance)
            found["loss_difference"] = abs(found.pop("loss") / expected[place].losses[STEPS] - 1)
            found["right"] = found["named"] == found["rank"]
            (kills if what is signal.SIGKILL else freezes).append(found)
            print(f"{what.name} {number + 1}: {found}", flush=True)
    finished = sum(row["finished"] and row["loss_difference"] <= TOLERANCE for row in kills)
    named = sum(row["right"] and row["named_after_seconds"] <= NAMED_SECONDS and row["finished"] for row in freezes)
    met = [
        report("rank_kills_survived", finished, options.kills, named=sum(row["right"] for row in kills), rows=kills),
        report("frozen_ranks_named", named, options.freezes, rows=freezes),
    ]
    sys.exit(not all(met))


def _harmed(
    template: Path, workspace: Path, layout: Layout, what: signal.Signals, chance: random.Random
) -> dict[str, Any]:
    """Start a training, harm a random one of its ranks after a random step, and see what becomes of it."""
    shutil.rmtree(workspace, ignore_errors=True)
    shutil.copytree(template, workspace)
    rank, step, delay = chance.randrange(4), chance.randrange(STEPS - 5), chance.random() * 0.2
    process = subprocess.Popen(
        command(workspace, layout, SETTINGS),
        env=usual_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    beat = _beat_after(workspace, rank, step, process)
    time.sleep(delay)
    harmed = time.time()
    with suppress(ProcessLookupError):
        os.kill(beat["pid"], what)
    _, error = process.communicate(timeout=600)
    events = [json.loads(line) for line in (workspace / "runs" / "layouts" / "events.jsonl").read_text().splitlines()]
    fault = next((event for event in events if event["event"] == "rank_fault"), None)
    metrics = read_steps(stage_directory(workspace) / "metrics.jsonl")
    return {
        "layout": layout,
        "rank": rank,
        "after_step": beat["step"],
        "finished": process.returncode == 0,
        "named": fault["rank"] if fault else None,
        "named_after_seconds": round(_seconds(fault["time"]) - harmed, 1) if fault else None,
        "what": fault["what"] if fault else error.decode()[-500:],
        "loss": metrics[-1]["train/loss"] if metrics and metrics[-1]["step"] == STEPS else float("inf"),
    }


def _beat_after(workspace: Path, rank: int, step: int, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a rank last said, once it has made so many steps."""
    while process.poll() is None:
        for path in workspace.glob(f"runs/layouts/stages/tuned/*/ranks/beat-{rank}.json"):
            with suppress(FileNotFoundError, json.JSONDecodeError):
                beat: dict[str, Any] = json.loads(path.read_text())
                if beat["step"] >= step:
                    return beat
        time.sleep(0.01)
    sys.exit(f"the training was over before step {step} was seen")


def _seconds(time_in_words: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(time_in_words).timestamp()


if __name__ == "__main__":
    main()
