"""What saving in the background costs a training of 100 million weights with AdamW: the time that training stands
still, and the time by which steps are slower while a checkpoint is written, as a share of the run when it saves every
50 steps.

A step is 8 rows of 512 tokens. ``danlu run benchmarks/checkpoint.yaml`` saves every 25 steps, so that steps during
which the writer worked and steps during which it did not take turns in one process: the slowdown is a step's time less
the median of the undisturbed steps just before and after it. The first save is left out, since its memory is touched
for the first time and the machine is still warming up.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.common import REPOSITORY, report, run_recipe
from danlu.telemetry.metrics import read_metrics

RECIPE = REPOSITORY / "benchmarks" / "checkpoint.yaml"
SAVE_EVERY = 25
SHARE_EVERY = 50
BAR = 0.03


@dataclass(frozen=True)
class Cost:
    """Of one checkpoint, in seconds."""

    step: int
    num_bytes: int
    stalled: float
    """Training stood still, for the copy and for the checkpoint before it."""
    copy: float
    written_in: float
    """In the background."""
    slowed: float
    """Steps took longer while it was written; below zero where they happened to take less."""
    undisturbed_step: float
    """Median of the steps around that nobody disturbed."""

    @property
    def share(self) -> float:
        """Of the run, when saving every `SHARE_EVERY` steps."""
        return (self.stalled + self.slowed) / (SHARE_EVERY * self.undisturbed_step)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--saves", type=int, default=4, help="with the first, which is not counted")
    parser.add_argument(
        "--size", default="125M", help="of the model; 125M with this vocabulary has 101 million weights"
    )
    options = parser.parse_args()

    # The last save is followed by as many steps as every other; the last step has no checkpoint.
    steps = SAVE_EVERY * (options.saves + 1)
    with tempfile.TemporaryDirectory(prefix="danlu-checkpoint-") as directory:
        workspace = Path(directory)
        settings = ["--set", f"tuned.budget.steps={steps}", "--set", f"base.size={options.size}"]
        run_recipe(RECIPE, workspace, *settings)
        run = workspace / "runs" / "checkpoint"
        (metrics,) = run.glob("stages/tuned/*/metrics.jsonl")
        seconds = {record["step"]: record["train/seconds"] for record in read_metrics(metrics)}
        saved = [event for event in read_metrics(run / "events.jsonl") if event["event"] == "checkpoint_saved"]

    disturbed = {event["step"]: steps_within(event["write_seconds"], event["step"], seconds) for event in saved}
    quiet = set(seconds) - {step for steps in disturbed.values() for step in steps} - set(range(1, SAVE_EVERY + 1))
    costs = []
    for event in saved[1:]:
        step = event["step"]
        around = [seconds[near] for near in quiet if abs(near - step) <= SAVE_EVERY]
        if not around:
            sys.exit(f"the checkpoint of step {step} was written during every step around it; no step is undisturbed")
        undisturbed = statistics.median(around)
        costs.append(
            Cost(
                step=step,
                num_bytes=event["num_bytes"],
                stalled=event["stalled_seconds"],
                copy=event["copy_seconds"],
                written_in=event["write_seconds"],
                slowed=sum(seconds[slow] - undisturbed for slow in disturbed[step]),
                undisturbed_step=undisturbed,
            )
        )
        print(f"{costs[-1]}, share {costs[-1].share:.2%}", flush=True)
    met = report(
        "checkpoint_share_of_run_time",
        round(statistics.median(cost.share for cost in costs), 5),
        BAR,
        smaller_is_better=True,
        save_every_steps=SHARE_EVERY,
        size=options.size,
        stalled_share=round(statistics.median(cost.stalled / SHARE_EVERY / cost.undisturbed_step for cost in costs), 5),
        largest_share=round(max(cost.share for cost in costs), 5),
        checkpoints=[asdict(cost) for cost in costs],
        step_seconds=list(seconds.values()),
    )
    sys.exit(not met)


def steps_within(window: float, step: int, seconds: dict[int, float]) -> list[int]:
    """The steps that began less than `window` seconds after `step` was saved."""
    found: list[int] = []
    while step + len(found) + 1 in seconds and window > 0:
        found.append(step + len(found) + 1)
        window -= seconds[found[-1]]
    return found


if __name__ == "__main__":
    main()
