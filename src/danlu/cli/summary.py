"""The end screen of a run."""

from __future__ import annotations

from rich.console import Console

from danlu.pipeline.format import format_seconds
from danlu.pipeline.run import RunResult


def print_summary(console: Console, result: RunResult) -> None:
    for name, stage in result.stages.items():
        console.print(f"{name}: {'there already' if stage.cached else format_seconds(stage.seconds)}  {stage.path}")
