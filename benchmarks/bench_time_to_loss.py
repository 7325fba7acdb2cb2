"""How soon Danlu has the validation loss that a tuned Trainer run has after ten minutes, on poems, from nothing.

The model is a Qwen3 of 8 million weights. transformers' Trainer trains it with AdamW and a cosine in bf16, compiled
(peers/transformers_time_to_loss.py); its learning rate is doubled or halved as long as shorter runs get better. Danlu
runs the recipe time_to_loss.yaml, in less than half the minutes, which its schedule has to know beforehand. Both begin
with the same weights, train on rows cut from the same tokens, 8 to a step, and are measured on the same validation
rows; the clock stands still meanwhile. Danlu's clock runs from the beginning of the stage, so it holds loading, timing
and compiling; the Trainer's runs from the end of its first step, with everything compiled.

The figure is the time at which Danlu's loss first is no higher than the Trainer's last, over the time of the Trainer's
run; the median over the seeds. Where that loss is never reached, it is infinite.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import REPOSITORY, report, run_recipe
from benchmarks.pretrain_job import TRAINER, scalars
from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.contiguous import ContiguousRows

RECIPE = REPOSITORY / "benchmarks" / "time_to_loss.yaml"
LENGTH = 256
MOST_ROWS = 50_000
BAR = 0.5

FIRST_LEARNING_RATE = 1e-3
SWEEP_SHARE = 0.2
"""Of the Trainer's minutes, for each learning rate of the sweep."""
OUR_SHARE = 0.42
"""Of the Trainer's minutes, for Danlu."""
VALIDATIONS = 20

Curve = list[list[float]]
"""[seconds, step, validation loss], in order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of the Trainer's runs")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()

    TRAINER.make()
    with tempfile.TemporaryDirectory(prefix="danlu-time-to-loss-") as directory:
        workspace = Path(directory) / "workspace"
        stages = run_recipe(RECIPE, workspace, "--set", "trained.budget={steps: 1}")["stages"]
        rows = write_rows(Path(stages["packed"]["path"]), Path(directory))

        def theirs(model: str, learning_rate: float, minutes: float, seed: int) -> dict[str, Any]:
            facts = TRAINER.run(
                "transformers_time_to_loss.py",
                model=model,
                rows=rows["train"],
                validation_rows=rows["validation"],
                learning_rate=learning_rate,
                minutes=minutes,
                validations=VALIDATIONS,
                seed=seed,
            )
            print(f"trainer at {learning_rate:g}: {facts['final_loss']:.4f} in {facts['seconds']:.0f} s", flush=True)
            return facts

        def swept(learning_rate: float) -> dict[str, Any]:
            return theirs(stages["blank"]["path"], learning_rate, SWEEP_SHARE * options.minutes, seed=0)

        sweep = sweep_rates(swept)
        best = min(sweep, key=final_loss)["learning_rate"]
        runs = []
        for seed in range(1, options.seeds + 1):
            our_curve, model = ours(workspace, OUR_SHARE * options.minutes, seed)
            peer = theirs(model, best, options.minutes, seed)
            seconds = first_reached(our_curve, peer["final_loss"])
            runs.append({"seed": seed, "danlu": our_curve, "trainer": peer, "share": seconds / peer["seconds"]})
            print(f"seed {seed}: {seconds:.0f} s for {peer['final_loss']:.4f}; danlu: {our_curve[-1:]}", flush=True)

    share = round(statistics.median(run["share"] for run in runs), 3)
    met = report(
        "pretrain_time_to_loss",
        share,
        BAR,
        smaller_is_better=True,
        minutes=options.minutes,
        sweep=sweep,
        runs=runs,
        peer_versions=TRAINER.versions(),
    )
    sys.exit(not met)


def sweep_rates(run: Callable[[float], dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs at learning rates a factor of two apart, as far on either side as the loss falls, and one further."""
    sweep = [run(FIRST_LEARNING_RATE)]
    for factor in (2.0, 0.5):
        rate = FIRST_LEARNING_RATE
        while rate == min(sweep, key=final_loss)["learning_rate"]:
            rate *= factor
            sweep.append(run(rate))
    return sweep


def final_loss(facts: dict[str, Any]) -> float:
    return float(facts["final_loss"])


def write_rows(packed: Path, directory: Path) -> dict[str, Path]:
    """The rows that Danlu reads, as .npy: those of training up to `MOST_ROWS`, and all of validation."""
    paths = {}
    for split in ("train", "validation"):
        rows = ContiguousRows(TokenStore.open(packed, split), LENGTH, seed=0, isolate_documents=False)
        ids = np.stack([rows.row(place).input_ids for place in range(min(rows.num_rows, MOST_ROWS))])
        paths[split] = directory / f"{split}.npy"
        np.save(paths[split], ids.astype(np.uint16))
    return paths


def ours(workspace: Path, minutes: float, seed: int) -> tuple[Curve, str]:
    """Train with Danlu; its curve, and the model that it began with."""
    changes = [f"blank.seed={seed}", f"trained.seed={seed}", f"trained.budget.minutes={minutes}"]
    stages = run_recipe(RECIPE, workspace, *(part for change in changes for part in ("--set", change)))["stages"]
    run = workspace / "runs" / "bench-time-to-loss"
    events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    started = [event["time"] for event in events if event["event"] == "stage_started" and event["stage"] == "trained"]
    return curve_of(
        run / "stages" / "trained" / stages["trained"]["artifact"], datetime.fromisoformat(started[-1]).timestamp()
    ), str(stages["blank"]["path"])


def curve_of(stage: Path, started: float) -> Curve:
    """The curve of a training stage from what it wrote for TensorBoard, without the time of its validations."""
    steps, curve, validating = dict(scalars(stage, "train/loss")), [], 0.0
    for step, (ended, loss) in scalars(stage, "validation/loss").items():
        curve.append([steps[step][0] - started - validating, float(step), loss])
        validating += ended - steps[step][0]
    return curve


def first_reached(curve: Curve, loss: float) -> float:
    """Seconds after which the loss is no higher; infinite if it never is."""
    return next((seconds for seconds, _, reached in curve if reached <= loss), math.inf)


if __name__ == "__main__":
    main()
