"""``danlu status`` and ``danlu logs``: how runs stand and what they said."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from danlu.cli.console import describe_amount, describe_event
from danlu.cli.output import console_for, print_json
from danlu.pipeline.format import format_bytes, format_seconds
from danlu.pipeline.status import list_runs, read_events, read_status
from danlu.settings import Workspace

COLOURS = {"done": "green", "cached": "green", "running": "cyan", "pending": "dim", "interrupted": "yellow"}
WORDS = {"cached": "there already"}


def status_command(run: str | None, workspace: Path, *, as_json: bool) -> None:
    """One run stage by stage, or all runs."""
    place = Workspace.open(workspace)
    runs = list_runs(place)
    if run is None and len(runs) != 1:
        statuses = [read_status(place, name) for name in runs]
        if as_json:
            print_json({"runs": {status["run"]: status for status in statuses}})
        else:
            _print_runs(console_for(as_json), place, statuses)
        return
    status = read_status(place, run or runs[0])
    if as_json:
        print_json(status)
    else:
        _print_run(console_for(as_json), status)


def logs_command(run: str | None, workspace: Path, *, as_json: bool) -> None:
    """Everything a run said, in order; without a name, the run that began last."""
    place = Workspace.open(workspace)
    name = run or next(iter(list_runs(place)), "")
    console = console_for(as_json)
    for event in read_events(place, name):
        if as_json:
            print(json.dumps(event, ensure_ascii=False))
        elif line := describe_event(event):
            console.print(f"[dim]{_local(event['time'])}[/]  {line}", highlight=False, soft_wrap=True)


def _print_runs(console: Console, workspace: Workspace, statuses: list[dict[str, Any]]) -> None:
    if not statuses:
        console.print(f"No runs in {escape(str(workspace.root))} yet. Start one with: danlu run RECIPE")
        return
    table = Table("run", "state", "stages", "began", "recipe", box=SIMPLE_HEAD, pad_edge=False)
    for status in statuses:
        finished = sum(stage["state"] in ("done", "cached") for stage in status["stages"].values())
        table.add_row(
            escape(status["run"]),
            _state(status["state"]),
            f"{finished} of {len(status['stages'])}",
            _local(status["started"]),
            escape(status["recipe"]),
        )
    console.print(table)


def _print_run(console: Console, status: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(status['run'])}[/]: {_state(status['state'])}, began {_local(status['started'])}")
    table = Table("stage", "does", "state", "", "artifact", box=SIMPLE_HEAD, pad_edge=False)
    for name, stage in status["stages"].items():
        artifact = stage["artifact"] if "path" in stage else ""
        table.add_row(escape(name), escape(stage["do"]), _state(stage["state"]), _detail(stage, status), artifact)
    console.print(table)
    if status.get("error"):
        console.print(f"[red]{escape(status['error'])}[/]", highlight=False)
    if status["state"] in ("failed", "interrupted", "killed"):
        console.print(f"Go on with: danlu run {escape(status['recipe'])}", highlight=False)


def _detail(stage: dict[str, Any], status: dict[str, Any]) -> str:
    if "path" in stage:
        return f"{format_seconds(stage['seconds'])}, {format_bytes(stage['peak_memory_bytes'])}"
    progress = status["progress"]
    if stage["state"] == "running" and progress:
        amount = describe_amount(progress["completed"], progress["total"], progress["unit"], progress["rate"])
        return escape("  ".join(part for part in (progress["description"], amount, progress["note"]) if part))
    return ""


def _state(state: str) -> str:
    return f"[{COLOURS.get(state, 'red')}]{WORDS.get(state, state)}[/]"


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
