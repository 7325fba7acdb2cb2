"""``danlu diagnose``: what is wrong with a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from danlu.cli.options import JsonOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from rich.console import Console

    from danlu.monitoring.diagnosis import Diagnosis
    from danlu.monitoring.finding import Evidence, Finding

FOUND = 3
"""Exit status where something at or above --fail-on was found."""
COLOURS = {"critical": "red", "warning": "yellow", "note": "blue"}
WIDEST = 92
"""Characters of a line of text, and of a plot."""


def diagnose(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Name of the run (default: the last), or the path of a log: metrics.jsonl, trainer_state.json,"
            " CSV, JSON"
            " lines, or a directory of TensorBoard's files.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    stage: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this train stage (default: all).", show_default=False)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Also write a page that needs nothing from outside.", show_default=False
        ),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(metavar="WHAT", help="End with 3 if this or worse was found: warning, critical or never.")
    ] = "never",
    as_json: JsonOption = False,
) -> None:
    """Say in plain words what is wrong with a training, and what to change.

    Looked for are a learning rate that is too high or too low, exploding and vanishing gradients, divergence,
    over-fitting, under-fitting, saturated attention, label noise, class imbalance, waiting for data, growing memory and
    a slow rank. What follows from something else is named beneath it. A run may still be going on, or be another
    trainer's. What was not recorded cannot be looked at, and is named.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.errors import UserError, did_you_mean
    from danlu.monitoring.diagnosis import diagnose as look
    from danlu.monitoring.finding import Severity
    from danlu.monitoring.page import render
    from danlu.monitoring.reading.run import find_trainings
    from danlu.pipeline.status import list_runs
    from danlu.settings import Workspace

    limits = {"never": None, "warning": Severity.WARNING, "critical": Severity.CRITICAL}
    if fail_on not in limits:
        raise UserError(f"--fail-on {fail_on!r} is not known.", did_you_mean(fail_on, list(limits)))
    place = Workspace.open(workspace)
    name = run or next(iter(list_runs(place)), None)
    if name is None:
        raise UserError(
            f"There are no runs in {place.root}.", "Start one with: danlu run RECIPE, or give a log's path."
        )
    diagnoses = [look(curves) for curves in find_trainings(place, name, stage)]
    console = console_for(as_json)
    if html is not None:
        _write(html, render(diagnoses))
    if as_json:
        print_json(
            {"run": name, "html": str(html) if html else None, "trainings": [each.to_json() for each in diagnoses]}
        )
    else:
        for diagnosis in diagnoses:
            _print(console, diagnosis)
        if html is not None:
            console.print(f"The page with all plots: {html}", highlight=False, soft_wrap=True, markup=False)
    limit = limits[fail_on]
    if limit is not None and any(each.severity is not None and each.severity >= limit for each in diagnoses):
        raise typer.Exit(FOUND)


def _write(path: Path, page: str) -> None:
    from danlu.errors import UserError

    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The page {path} cannot be written: {error.strerror}.", "Give another --html FILE.") from error


def _print(console: Console, diagnosis: Diagnosis) -> None:
    from rich.markup import escape
    from rich.text import Text

    from danlu.monitoring.ailments.table import TITLES
    from danlu.monitoring.page import overview

    curves = diagnosis.curves
    title = f"{curves.name}, {curves.stage}" if curves.stage else curves.name
    going = " [dim](still running)[/]" if curves.is_running else ""
    mark = "[yellow]✗[/]" if diagnosis.alarms else "[green]✓[/]"
    console.print(f"\n{mark} [bold]{escape(title)}[/]{going}: {escape(diagnosis.verdict)}", highlight=False)
    for finding in diagnosis.findings:
        _print_finding(console, finding, TITLES)
    if not diagnosis.findings:
        for evidence in overview(curves)[:1]:
            _print_evidence(console, evidence)
    width = min(console.width, WIDEST)
    if diagnosis.clear:
        clear = ", ".join(TITLES[key] for key in diagnosis.clear)
        console.print(Text.assemble(("\nLooked for and not found: ", "bold"), f"{clear}."), width=width)
    if diagnosis.unseen:
        console.print("[bold]Could not be looked at[/]")
        for key, reason in diagnosis.unseen.items():
            console.print(Text.assemble(f"  {TITLES[key]}: ", (reason, "dim")), width=width)


def _print_finding(console: Console, finding: Finding, titles: dict[str, str]) -> None:
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    severity = finding.severity.name.lower()
    console.print(
        Text.assemble("\n", (severity, f"bold {COLOURS[severity]}"), "  ", (titles[finding.ailment], "bold")),
        highlight=False,
    )
    width = min(console.width, WIDEST)

    def indented(text: str | Text, indent: int = 2) -> None:
        console.print(Padding(text, (0, 0, 0, indent)), width=width, highlight=False)

    indented(Text(finding.sentence))
    for brought in finding.consequences:
        indented(Text.assemble((f"{titles[brought.ailment]} follows from it: ", "dim"), (brought.sentence, "dim")))
    for evidence in finding.evidence[:1]:
        _print_evidence(console, evidence)
    changes = Table.grid(padding=(0, 1, 0, 0))
    for change in finding.changes:
        said = Text(change.why, style="dim" if change.option else "")
        option = Text(change.option, style="bold green") if change.option else None
        changes.add_row(" ", Text("→", style="green"), Group(option, said) if option else said)
    console.print(changes, width=width, highlight=False)


def _print_evidence(console: Console, evidence: Evidence) -> None:
    from rich.text import Text

    from danlu.cli.plot import STYLES, bars, plot
    from danlu.monitoring.charts import bar_lengths, describe

    title = Text(f"\n  {evidence.title}" + (f", {evidence.unit}" if evidence.unit else ""), style="dim")
    if len(evidence.series) > 1:
        for number, name in enumerate(evidence.series):
            title.append(f"  ─ {name}", style=STYLES[number % len(STYLES)])
    console.print(title)
    width = min(console.width, WIDEST)
    lines: Sequence[Text]
    if evidence.bars:
        said = {name: describe(value, evidence.bars.unit) for name, value in evidence.bars.values.items()}
        lengths = bar_lengths(evidence.bars, logarithmic=evidence.logarithmic)
        lines = bars(said, lengths, evidence.bars.marked, width=max(10, width // 2))
    else:
        lines = plot(
            {name: (series.steps.tolist(), series.values.tolist()) for name, series in evidence.series.items()},
            width=width - 2,
            region=(evidence.region.first, evidence.region.last) if evidence.region else None,
            limit=evidence.limit,
            logarithmic=evidence.logarithmic,
        )
    for line in lines:
        console.print(Text.assemble("  ", line), no_wrap=True, overflow="crop")
    console.print()
