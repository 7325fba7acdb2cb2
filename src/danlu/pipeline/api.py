"""The verbs of the command line for Python: ``danlu.plan("recipe.yaml")`` and ``danlu.run("recipe.yaml")``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.pipeline.plan import Plan
from danlu.pipeline.recipe import load_recipe
from danlu.pipeline.run import RunResult, plan_recipe, run_recipe
from danlu.settings import DEFAULT_WORKSPACE, Workspace
from danlu.telemetry.reporter import Listener, Task

Overrides = Mapping[str, Any] | Sequence[str]
"""``{"tuned.seed": 8}``, or as on the command line ``["tuned.seed=8"]``."""


def run(
    recipe: str | Path,
    workspace: str | Path = DEFAULT_WORKSPACE,
    *,
    set: Overrides | None = None,
    listeners: Sequence[Listener] | None = None,
) -> RunResult:
    """Run a recipe, or go on with one that was stopped; finished stages are not run again.

    Args:
        recipe: The YAML file.
        workspace: Directory for everything that is made.
        set: Values that take the place of the recipe's.
        listeners: Who hears of events and progress. By default messages and warnings go to the logger ``danlu``.

    Raises:
        danlu.errors.UserError: something the user can mend.
        danlu.errors.Stopped: Ctrl-C or SIGTERM came while this ran in the main thread; a training has saved its step.
    """
    loaded = load_recipe(recipe, _as_text(set))
    return run_recipe(loaded, Workspace.open(workspace), [LogListener()] if listeners is None else listeners)


def plan(
    recipe: str | Path,
    workspace: str | Path = DEFAULT_WORKSPACE,
    *,
    set: Overrides | None = None,
    listeners: Sequence[Listener] | None = None,
) -> Plan:
    """Say what a recipe will take and do. Sources are fetched and stages that prepare data in seconds are run.

    Arguments and errors as for `run`.
    """
    loaded = load_recipe(recipe, _as_text(set))
    return plan_recipe(loaded, Workspace.open(workspace), [LogListener()] if listeners is None else listeners)


class LogListener:
    """Hands messages and warnings to Python's logging."""

    def on_event(self, event: dict[str, Any]) -> None:
        if event["event"] in ("message", "warning"):
            level = logging.WARNING if event["event"] == "warning" else logging.INFO
            stage = f"{event['stage']}: " if "stage" in event else ""
            logging.getLogger("danlu").log(level, "%s%s", stage, event["message"])

    def on_progress(self, task: Task) -> None:
        """Progress is for eyes."""


def _as_text(overrides: Overrides | None) -> list[str]:
    if overrides is None:
        return []
    if isinstance(overrides, Mapping):
        return [f"{path}={json.dumps(value, ensure_ascii=False)}" for path, value in overrides.items()]
    return list(overrides)
