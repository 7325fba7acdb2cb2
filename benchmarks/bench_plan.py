"""What ``danlu plan`` foretells beside what is measured: four variations of the demo, eight of training from scratch.

Each runs in an empty workspace. Judged are the whole run (time: the sum over its stages; memory: the highest) and each
stage that takes ten seconds or longer; the figure is the worst of them, as a share of what was measured.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import RECIPE, REPOSITORY, report, run_recipe

SCRATCH_RECIPE = REPOSITORY / "benchmarks" / "plan.yaml"
VARIATIONS: dict[str, tuple[Path, dict[str, str]]] = {
    "demo": (RECIPE, {}),
    "demo, shorter rows": (RECIPE, {"packed.length": "256"}),
    "demo, higher rank, more tokens": (RECIPE, {"tuned.adapter.rank": "64", "tuned.budget.tokens": "120_000"}),
    "demo, float32, larger batches": (
        RECIPE,
        {"tuned.precision": "fp32", "tuned.batch": "{rows: 8, rows_at_once: 4}"},
    ),
    "8M": (SCRATCH_RECIPE, {}),
    "2M, rows of 256": (
        SCRATCH_RECIPE,
        {
            "blank.size": "2M",
            "packed.length": "256",
            "model.batch": "{rows: 32, rows_at_once: 8}",
            "model.budget.tokens": "300_000",
        },
    ),
    "8M, float32, not compiled": (SCRATCH_RECIPE, {"model.precision": "fp32", "model.compile": "false"}),
    "8M, rows of 1,024, Muon": (
        SCRATCH_RECIPE,
        {"packed.length": "1024", "model.batch": "{rows: 4, rows_at_once: 2}", "model.optimizer": "{kind: muon}"},
    ),
    "30M": (SCRATCH_RECIPE, {"blank.size": "30M"}),
    "30M, rows of 1,024, activations computed again, moving average": (
        SCRATCH_RECIPE,
        {
            "blank.size": "30M",
            "packed.length": "1024",
            "model.activation_checkpointing": "true",
            "model.batch": "{rows: 4, rows_at_once: 2}",
            "model.ema": "{decay: 0.999}",
        },
    ),
    "30M, one row at once, Lion": (
        SCRATCH_RECIPE,
        {
            "blank.size": "30M",
            "model.batch": "{rows: 8, rows_at_once: 1}",
            "model.optimizer": "{kind: lion}",
            "model.compile": "false",
        },
    ),
    "125M": (
        SCRATCH_RECIPE,
        {"blank.size": "125M", "model.batch": "{rows: 4, rows_at_once: 2}", "model.budget.tokens": "30_000"},
    ),
}
JUDGED_FROM_SECONDS = 10.0
BAR_MEMORY = 0.10
BAR_TIME = 0.25


def main() -> None:
    rows = [row for name, varied in VARIATIONS.items() for row in compare(name, *varied)]
    judged = [row for row in rows if row["judged"]]
    memory = max(judged, key=lambda row: abs(row["memory_error"]))
    seconds = max(judged, key=lambda row: abs(row["seconds_error"]))
    print(f"worst in memory: {memory['recipe']}, {memory['stage']}; in time: {seconds['recipe']}, {seconds['stage']}")
    memory_met = report(
        "plan_memory_error", round(abs(memory["memory_error"]), 4), BAR_MEMORY, smaller_is_better=True, rows=rows
    )
    seconds_met = report(
        "plan_time_error", round(abs(seconds["seconds_error"]), 4), BAR_TIME, smaller_is_better=True, rows=rows
    )
    sys.exit(not (memory_met and seconds_met))


def compare(name: str, recipe: Path, settings: dict[str, str]) -> list[dict[str, Any]]:
    """Run one variation; a row for each stage and one for the whole run, printed as they come."""
    arguments = [argument for path, value in settings.items() for argument in ("--set", f"{path}={value}")]
    with tempfile.TemporaryDirectory(prefix="danlu-plan-") as directory:
        stages = run_recipe(recipe, Path(directory), *arguments)["stages"]
    rows = [
        row(
            name,
            stage,
            predicted=(facts["predicted"]["seconds"], facts["predicted"]["peak_memory_bytes"]),
            measured=(facts["seconds"], facts["peak_memory_bytes"]),
        )
        for stage, facts in stages.items()
    ]
    whole = row(
        name,
        "whole run",
        predicted=whole_run([(line["predicted_seconds"], line["predicted_memory_bytes"]) for line in rows]),
        measured=whole_run([(line["measured_seconds"], line["measured_memory_bytes"]) for line in rows]),
    )
    for line in [*rows, whole]:
        print(
            f"{name}: {line['stage']:10} {line['measured_seconds']:7.1f} s, planned {line['seconds_error']:+.0%};"
            f" {line['measured_memory_bytes'] / 2**30:5.2f} GiB, planned {line['memory_error']:+.0%}",
            flush=True,
        )
    return [*rows, whole]


def row(name: str, stage: str, *, predicted: tuple[float, int], measured: tuple[float, int]) -> dict[str, Any]:
    """Seconds and bytes as predicted and as measured, and the errors as shares of what was measured."""
    return {
        "recipe": name,
        "stage": stage,
        "judged": measured[0] >= JUDGED_FROM_SECONDS,
        "predicted_seconds": predicted[0],
        "measured_seconds": measured[0],
        "seconds_error": predicted[0] / measured[0] - 1,
        "predicted_memory_bytes": predicted[1],
        "measured_memory_bytes": measured[1],
        "memory_error": predicted[1] / measured[1] - 1,
    }


def whole_run(stages: list[tuple[float, int]]) -> tuple[float, int]:
    """Stages run one after the other: their times add up, and the largest memory counts."""
    return sum(seconds for seconds, _ in stages), max(memory for _, memory in stages)


if __name__ == "__main__":
    main()
