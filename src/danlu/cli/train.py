"""``danlu train``: a recipe up to its training, on several processes if asked."""

from __future__ import annotations

from pathlib import Path

from danlu.cli.run import run_and_show
from danlu.pipeline.part import load_trainings


def train_command(
    recipe: Path,
    workspace: Path,
    overrides: list[str],
    *,
    stage: str | None,
    num_processes: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run the train stages and what they need, then show the end screen or the JSON result."""
    run_and_show(load_trainings(recipe, overrides, stage, num_processes), workspace, as_json=as_json, quiet=quiet)
