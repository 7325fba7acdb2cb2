"""``kill -9`` at 20 random moments of ``danlu run``, then run again: the adapter has the same bits as without the kill.

Each kill happens in a workspace of its own, at a moment drawn uniformly over the time that the undisturbed run took,
in whatever stage that is. The recipe is the demo's with a smaller budget, smaller held-out parts, one export and a
checkpoint every two seconds, so that the proof takes half an hour.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import RECIPE, report, run_command, run_recipe, shared_cache_environment
from benchmarks.kill_at_moment import killed_at
from danlu.artifacts.store import hash_file
from danlu.pipeline.record import read_json
from danlu.telemetry.metrics import read_steps

TRAINING_STAGE = "tuned"
SMALLER = {
    "rows.split.validation": "0.01",
    "rows.split.test": "0.01",
    "tuned.budget.tokens": "6_000",
    "tuned.checkpoint.every_seconds": "2",
    "proof.generations.rows": "0",
    "proof.bootstrap.samples": "100",
    "files.formats": "[hf]",
    "files.gate.tokens": "64",
}
SETTINGS = [argument for path, value in SMALLER.items() for argument in ("--set", f"{path}={value}")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    options = parser.parse_args()

    with fresh_workspace() as directory:
        started = time.perf_counter()
        expected = adapter_hash(run_recipe(RECIPE, Path(directory), *SETTINGS))
        seconds = time.perf_counter() - started
    print(f"undisturbed: {seconds:.0f} s, adapter {expected[:16]}", flush=True)

    moments = random.Random(options.seed)
    kills: list[dict[str, Any]] = []
    while len(kills) < options.kills:
        kill = kill_and_run_again(moments.uniform(0, seconds), expected)
        if kill is None:
            continue  # It was done before its moment came; another moment is drawn.
        kills.append(kill)
        print(f"kill {len(kills)} of {options.kills}: {kill}", flush=True)

    identical = sum(kill["identical"] for kill in kills)
    met = report(
        "resume_bit_identical",
        identical,
        options.kills,
        undisturbed_seconds=round(seconds, 1),
        adapter_sha256=expected,
        settings=SMALLER,
        seed=options.seed,
        kills=kills,
    )
    sys.exit(not met)


def kill_and_run_again(moment: float, expected: str) -> dict[str, Any] | None:
    """Kill a run in a fresh workspace `moment` seconds after its start, let it finish, and compare its adapter.

    Returns:
        What the kill hit, how it was taken up and whether the bits are the same; None if the run ended too soon.
    """
    with fresh_workspace() as directory:
        workspace = Path(directory)
        if not killed_at(moment, run_command(RECIPE, workspace, *SETTINGS), shared_cache_environment()):
            return None
        hit = what_was_hit(workspace)
        facts = run_recipe(RECIPE, workspace, *SETTINGS)
        found = adapter_hash(facts)
        return {
            "moment_seconds": round(moment, 2),
            **hit,
            "stages_kept": sum(stage["cached"] for stage in facts["stages"].values()),
            "adapter_sha256": found,
            "identical": found == expected,
        }


def what_was_hit(workspace: Path) -> dict[str, Any]:
    """The stage that was running, and how far training and its checkpoints had come."""
    run = read_json(workspace / "runs" / "assistant" / "run.json") or {"stages": {}}
    running = [name for name, stage in run["stages"].items() if stage["state"] == "running"]
    stage = workspace / "runs" / "assistant" / "stages" / TRAINING_STAGE
    steps = [record["step"] for path in stage.glob("*/metrics.jsonl") for record in read_steps(path)]
    return {
        "stage": running[0] if running else "between stages",
        "training_steps": len(steps),
        "checkpoints": sorted(path.name for path in stage.glob("*/checkpoints/*step-*")),
    }


def adapter_hash(facts: dict[str, Any]) -> str:
    """SHA-256 of the trained adapter's weights."""
    return hash_file(Path(facts["stages"][TRAINING_STAGE]["path"]) / "adapter_model.safetensors")


def fresh_workspace() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="danlu-resume-")


if __name__ == "__main__":
    main()
