"""``danlu check``: whether ways of training that must give the same result do."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from danlu.cli.console import make_listener
from danlu.cli.output import console_for, print_json
from danlu.pipeline.part import trainings_of
from danlu.pipeline.recipe import load_recipe
from danlu.pipeline.standing_in import Prepared, prepare_with_stand_ins
from danlu.settings import Workspace

if TYPE_CHECKING:
    from danlu.training.checking.check import Checked
    from danlu.training.checking.equivalence import Finding

DIFFERS = 1
"""Exit status: a fault, of Danlu or of what it rests on."""
STYLES = {"agrees": "green", "differs": "bold red", "does not apply": "dim"}


def check_command(path: Path, workspace_path: Path, overrides: list[str], stage: str | None, *, as_json: bool) -> None:
    """Check the train stages, write down what was found and show it.

    Raises:
        typer.Exit: something differs.
    """
    from danlu.training.checking.check import check_stage, with_earlier_dropout
    from danlu.training.config import TrainConfig

    console = console_for(as_json)
    recipe, workspace = load_recipe(path, overrides), Workspace.open(workspace_path)
    names = trainings_of(recipe, stage)
    stages = []
    listener = make_listener(console)
    try:
        for prepared in prepare_with_stand_ins(recipe, workspace, [listener], names):
            assert isinstance(prepared.config, TrainConfig)
            config = with_earlier_dropout(prepared.config, prepared.passed_over)
            checked = check_stage(config, prepared.context)
            stages.append({**checked.to_json(), "model": _model(prepared, checked)})
            directory = workspace.runs / recipe.name
            directory.mkdir(parents=True, exist_ok=True)
            found = json.dumps(stages[-1], indent=1, ensure_ascii=False)
            (directory / f"check-{prepared.name}.json").write_text(found + "\n", encoding="utf-8")
            if not as_json:
                _print(console, checked, stages[-1]["model"])
    finally:
        listener.close()
    differs = {each["stage"]: each["differs"] for each in stages if each["differs"]}
    if as_json:
        print_json({"agrees": not differs, "stages": stages})
    elif differs:
        named = "; ".join(f"{name}: {', '.join(each)}" for name, each in differs.items())
        console.print(f"[bold red]Differs[/]  {escape(named)}. A fault of Danlu or of a library below it, not yours.")
    else:
        console.print("[green]All that applies agrees.[/]")
    if differs:
        raise typer.Exit(DIFFERS)


def _model(prepared: Prepared, checked: Checked) -> str:
    """Which model was trained, in words."""
    (model,) = prepared.context.inputs["model"]
    few = checked.size.num_layers < checked.num_layers
    layers = f"the first {checked.size.num_layers} of {checked.num_layers} layers of " if few else ""
    stand_in = prepared.stand_ins.get(model.name)
    return f"{layers}{stand_in} ({model.name} has not been made)" if stand_in else f"{layers}{model.name}"


def _print(console: Console, checked: Checked, model: str) -> None:
    size = checked.size
    rows = "row" if size.num_rows == 1 else "rows"
    title = f"{checked.stage}: {size.num_steps} steps of {size.num_rows} {rows} of up to {size.length} tokens, {model}"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("equivalence", no_wrap=True)
    table.add_column("compares")
    table.add_column("differ by", justify="right", no_wrap=True)
    table.add_column("may", justify="right", no_wrap=True)
    table.add_column("in", no_wrap=True)
    table.add_column("", no_wrap=True)
    for finding in checked.findings:
        style = STYLES[finding.verdict]
        table.add_row(finding.name, finding.compares, *_amounts(finding), f"[{style}]{finding.verdict}[/]")
    console.print(table)
    for finding in checked.findings:
        if finding.difference is None:
            console.print(f"[bold]{finding.name}[/]: {escape(finding.why)}", highlight=False)
    tolerances = dict.fromkeys(finding.why for finding in checked.findings if finding.difference)
    for why in tolerances:
        names = ", ".join(finding.name for finding in checked.findings if finding.difference and finding.why == why)
        console.print(f"[dim]may, for {names}: {why}[/]", highlight=False)
    console.print(f"[dim]precision: {_precision(checked)}[/]", highlight=False)


def _amounts(finding: Finding) -> tuple[str, str, str]:
    """The difference that comes nearest to its tolerance, that tolerance, and what it is of."""
    if finding.difference is None or finding.tolerances is None or finding.worst is None:
        return "", "", ""
    found, most = finding.difference.get(finding.worst, math.inf), finding.tolerances[finding.worst]
    return f"{found:.1e}" if found else "0", f"{most:.0e}" if most else "0", _short(finding.worst) if most else "bits"


def _short(worst: str) -> str:
    """For a column: ``loss 2`` is that of the second step."""
    return worst.replace("loss of step ", "loss ").replace("first gradient", "gradient 1")


def _precision(checked: Checked) -> str:
    adds = checked.precision_adds
    if adds is None:
        return "all of this is in float32, as the stage itself is on this machine"
    losses = max(value for name, value in adds.items() if name.startswith("loss"))
    return (
        f"all of this is in float32; {checked.precision}, in which the stage is trained, moves losses by up to"
        f" {losses:.1e} and the first gradient by {adds['first gradient']:.1e}"
    )
