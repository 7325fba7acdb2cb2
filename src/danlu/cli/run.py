"""``danlu run``: make everything a recipe asks for."""

from __future__ import annotations

from pathlib import Path

from danlu.cli.console import make_listener
from danlu.cli.output import console_for, print_json
from danlu.cli.summary import print_summary
from danlu.pipeline.api import run


def run_command(
    recipe: Path, workspace: Path, overrides: list[str], *, ask: str | None, as_json: bool, quiet: bool
) -> None:
    """Run the recipe, then show the end screen or the JSON result."""
    console = console_for(as_json)
    listener = None if quiet else make_listener(console)
    try:
        result = run(recipe, workspace, set=overrides, listeners=[listener] if listener else [])
    finally:
        if listener:
            listener.close()
    if as_json:
        print_json(result.to_json())
    elif not quiet:
        print_summary(console, result)
