"""Runs of one small training in many layouts, each in a workspace of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import DANLU, REPOSITORY, usual_environment
from danlu.telemetry.metrics import read_steps

RECIPE = REPOSITORY / "benchmarks" / "layouts.yaml"
STAGE = "tuned"
DIMENSIONS = ("data", "shard", "tensor", "pipeline", "context")
Layout = dict[str, Any]

ONE: Layout = {}
TWO: list[Layout] = [{name: 2} for name in DIMENSIONS]
FOUR: list[Layout] = [{name: 4} for name in DIMENSIONS]
PAIRS: list[Layout] = [{one: 2, other: 2} for one, other in combinations(DIMENSIONS, 2)]
INTERLEAVED: Layout = {"pipeline": 2, "schedule": "interleaved", "chunks": 2}


@dataclass(frozen=True)
class Trial:
    """One training."""

    workspace: Path
    losses: dict[int, float]
    """By step, nats per token."""
    tokens: dict[int, int]
    """That each step read."""


def prepare(directory: Path) -> Path:
    """A workspace with everything but the trained model."""
    template = directory / "template"
    run(template, ONE, {"budget": "{steps: 1}"})
    forget_training(template)
    return template


def forget_training(workspace: Path) -> None:
    """Leave everything but the trained model and the runs, so that it is trained anew."""
    for path in (workspace / "artifacts" / "model").glob("*"):
        if is_trained(path):
            shutil.rmtree(path)
    shutil.rmtree(workspace / "runs", ignore_errors=True)


def trial(template: Path, workspace: Path, layout: Layout, settings: dict[str, str] | None = None) -> Trial:
    """Train in a copy of the template, or go on in one that is there."""
    if not workspace.exists():
        shutil.copytree(template, workspace)
    run(workspace, layout, settings)
    records = read_steps(stage_directory(workspace) / "metrics.jsonl")
    return Trial(
        workspace,
        {record["step"]: record["train/loss"] for record in records},
        {record["step"]: record["train/tokens"] for record in records},
    )


def command(workspace: Path, layout: Layout, settings: dict[str, str] | None = None) -> list[str]:
    """That trains."""
    changes = {"parallel": json.dumps(layout), **(settings or {})}
    asked = [argument for name, value in changes.items() for argument in ("--set", f"{STAGE}.{name}={value}")]
    return [str(DANLU), "train", str(RECIPE), "--workspace", str(workspace), "--quiet", *asked]


def run(workspace: Path, layout: Layout, settings: dict[str, str] | None = None) -> None:
    """Train, and stop with what it said if it fails."""
    finished = subprocess.run(
        command(workspace, layout, settings), env=usual_environment(), capture_output=True, text=True
    )
    if finished.returncode:
        logs = "".join(path.read_text(errors="replace")[-2000:] for path in workspace.rglob("rank-*.log"))
        sys.exit(f"{layout} failed:\n{finished.stderr}\n{logs}")


def stage_directory(workspace: Path) -> Path:
    """Of the training."""
    (found,) = (workspace / "runs" / "layouts" / "stages" / STAGE).iterdir()
    return found


def model_weights(workspace: Path) -> dict[str, Any]:
    """Of the trained model, as NumPy arrays by name."""
    from safetensors.numpy import load_file

    (path,) = (path for path in (workspace / "artifacts" / "model").iterdir() if is_trained(path))
    return load_file(path / "model.safetensors")


def worst_difference(ones: dict[int, float], others: dict[int, float]) -> float:
    """Largest relative difference of two curves over the same steps; infinite if the steps are not the same."""
    if ones.keys() != others.keys():
        return float("inf")
    return float(max(abs(others[step] / ones[step] - 1) for step in ones))


def difference_of_weights(ones: dict[str, Any], others: dict[str, Any]) -> float:
    """Euclidean distance of all weights over the norm of the first."""
    assert ones.keys() == others.keys()
    squares = sum(float(np.square(others[name] - ones[name], dtype=np.float64).sum()) for name in ones)
    norm = sum(float(np.square(ones[name], dtype=np.float64).sum()) for name in ones)
    return float(np.sqrt(squares / norm))


def name_of(layout: Layout) -> str:
    """For people."""
    return " x ".join(f"{name} {size}" for name, size in layout.items()) or "one process"


def layouts_of(names: list[str] | None) -> Iterator[Layout]:
    """All, or those whose names are asked for."""
    for layout in [*TWO, INTERLEAVED, *FOUR, *PAIRS]:
        if not names or name_of(layout) in names:
            yield layout


def is_trained(artifact: Path) -> bool:
    """Whether a model artifact came out of a training."""
    return "num_steps" in json.loads((artifact / "artifact.json").read_text(encoding="utf-8"))["facts"]
