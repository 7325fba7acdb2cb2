"""``danlu plan``: what a recipe will take and do."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from danlu.cli.console import make_listener
from danlu.cli.output import console_for, print_json
from danlu.pipeline.api import plan
from danlu.pipeline.format import format_bytes, format_seconds
from danlu.pipeline.plan import Plan, Prediction


def plan_command(recipe: Path, workspace: Path, overrides: list[str], *, as_json: bool) -> None:
    """Plan the recipe and show it."""
    console = console_for(as_json)
    listener = make_listener(console)
    try:
        planned = plan(recipe, workspace, set=overrides, listeners=[listener])
    finally:
        listener.close()
    if as_json:
        print_json(planned.to_json())
    else:
        print_plan(console, planned)


def costs(predicted: Prediction | None, unknown: str) -> tuple[str, str, str]:
    """Time, memory and disk as text."""
    if predicted is None:
        return (unknown, unknown, unknown)
    return (
        format_seconds(predicted.seconds),
        format_bytes(predicted.peak_memory_bytes),
        format_bytes(predicted.disk_bytes),
    )


def print_plan(console: Console, plan: Plan) -> None:
    """A row for each stage, what happens to the data, and the previews."""
    total = plan.total
    table = Table(title=f"Plan of {plan.run}", title_justify="left", show_footer=True, box=SIMPLE_HEAD)
    table.add_column("stage", footer="to do", no_wrap=True)
    table.add_column("does")
    table.add_column("time", footer=format_seconds(total.seconds), justify="right")
    table.add_column("peak memory", footer=format_bytes(total.peak_memory_bytes), justify="right")
    table.add_column("disk", footer=format_bytes(total.disk_bytes), justify="right")
    table.add_column("", footer="")
    for stage in plan.stages:
        table.add_row(
            escape(stage.name),
            escape(stage.do),
            *costs(stage.predicted, "" if stage.cached else "?"),
            "there already" if stage.cached else "",
            style="dim" if stage.cached else "",
        )
    console.print(table)
    for stage in plan.stages:
        for note in stage.notes:
            console.print(f"[bold]{escape(stage.name)}[/]: {escape(note)}", highlight=False)
    for stage in plan.stages:
        if stage.preview:
            console.print(Panel(_marked_up(stage.preview), title=escape(stage.name), title_align="left"))


def _marked_up(preview: str) -> Text:
    """Rich markup where it is sound; data may hold brackets that are not."""
    try:
        return Text.from_markup(preview)
    except MarkupError:
        return Text(preview)
