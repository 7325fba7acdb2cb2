"""How the runs of a workspace stand, read from their records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from danlu.errors import UserError, did_you_mean
from danlu.pipeline.guards import is_held
from danlu.pipeline.record import read_json
from danlu.settings import Workspace


def list_runs(workspace: Workspace) -> list[str]:
    """Names of all runs, the one that began last first."""
    records = {path.parent.name: read_json(path) for path in workspace.runs.glob("*/run.json")}
    found = {name: record for name, record in records.items() if record}
    return sorted(found, key=lambda name: str(found[name]["started"]), reverse=True)


def read_status(workspace: Workspace, run: str) -> dict[str, Any]:
    """The content of ``run.json``, and under ``progress`` the work in hand (or None).

    A run whose process is gone without a word has the state ``killed``, and so has the stage it was in.

    Raises:
        UserError: there is no such run.
    """
    directory = workspace.runs / run
    status = read_json(directory / "run.json") if run in list_runs(workspace) else None
    if status is None:
        raise _unknown(workspace, run)
    status["progress"] = None
    if status["state"] == "running" and not is_held(directory):
        status["state"] = "killed"
        for stage in status["stages"].values():
            if stage["state"] == "running":
                stage["state"] = "killed"
    elif status["state"] == "running":
        status["progress"] = read_json(directory / "progress.json")
    return status


def read_events(workspace: Workspace, run: str) -> Iterator[dict[str, Any]]:
    """Everything that happened in the run, in order. A line cut short by a kill is left out.

    Raises:
        UserError: there is no such run.
    """
    if run not in list_runs(workspace):
        raise _unknown(workspace, run)
    with (workspace.runs / run / "events.jsonl").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def _unknown(workspace: Workspace, run: str) -> UserError:
    known = list_runs(workspace)
    hint = did_you_mean(run, known) if known else "Start one with: danlu run RECIPE"
    return UserError(f"There is no run {run!r} in {workspace.root}.", hint)
