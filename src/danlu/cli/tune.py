"""``danlu tune``: settings for a train stage, tried out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from danlu.cli.console import make_listener
from danlu.cli.output import console_for, print_json
from danlu.errors import UserError
from danlu.pipeline.format import format_bytes, format_seconds
from danlu.pipeline.recipe import Recipe, load_recipe
from danlu.pipeline.run import prepare_stage
from danlu.settings import Workspace

SHOWN_RATES = 12
"""Rows of the table of learning rates; the file has all."""


def tune_command(
    path: Path,
    workspace_path: Path,
    overrides: list[str],
    stage: str | None,
    chosen: set[str],
    *,
    lowest: float,
    highest: float,
    steps: int,
    as_json: bool,
) -> None:
    """Try out what is `chosen`, write it down and show it."""
    from danlu.training.config import TrainConfig
    from danlu.training.tuning import fastest, try_learning_rates, try_rows_at_once

    if not 0 < lowest < highest:
        raise UserError(f"--lowest {lowest:g} and --highest {highest:g} are no range.", "Give 0 < lowest < highest.")
    console = console_for(as_json)
    listener = make_listener(console)
    recipe, workspace = load_recipe(path, overrides), Workspace.open(workspace_path)
    name = stage or _only_train_stage(recipe)
    found: dict[str, Any] = {"stage": name, "settings": {}}
    try:
        config, context = prepare_stage(recipe, workspace, [listener], name)
        if not isinstance(config, TrainConfig):
            raise UserError(f"{name} does {config.do!r}; only train stages can be tuned.", "Give --stage NAME.")
        if "learning_rate" in chosen:
            tested = try_learning_rates(config, context, lowest=lowest, highest=highest, num_steps=steps)
            found["learning_rate"] = asdict(tested)
            found["settings"][f"{name}.optimizer.learning_rate"] = float(f"{tested.suggestion:.2g}")
        if "rows_at_once" in chosen:
            tried = try_rows_at_once(config, context)
            found["rows_at_once"] = [asdict(one) for one in tried]
            if best := fastest(tried):
                found["settings"][f"{name}.batch.rows_at_once"] = best.rows_at_once
    finally:
        listener.close()
    directory = workspace.runs / recipe.name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"tune-{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        _print(console, found)


def _only_train_stage(recipe: Recipe) -> str:
    names = [name for name, stage in recipe.stages.items() if stage.do == "train"]
    if len(names) != 1:
        raise UserError(
            f"The recipe {recipe.name!r} has {len(names)} train stages.",
            f"Name one with --stage: {', '.join(names)}." if names else "Add one; see recipes/ for examples.",
        )
    return names[0]


def _print(console: Console, found: dict[str, Any]) -> None:
    if "learning_rate" in found:
        columns = [found["learning_rate"][name] for name in ("learning_rates", "losses", "untrained_losses")]
        table = Table("learning rate", "loss", "of the untrained model", box=SIMPLE_HEAD)
        for rate, loss, untrained in list(zip(*columns, strict=True))[:: max(1, len(columns[0]) // SHOWN_RATES)]:
            table.add_row(f"{rate:.2g}", f"{loss:.3f}", f"{untrained:.3f}")
        console.print(table)
    if "rows_at_once" in found:
        table = Table("rows at once", "time", "peak memory", "", box=SIMPLE_HEAD)
        for one in found["rows_at_once"]:
            costs = format_seconds(one["seconds"]), format_bytes(one["peak_memory_bytes"])
            table.add_row(str(one["rows_at_once"]), *costs, "" if one["fits"] else "does not fit")
        console.print(table)
    for setting, value in found["settings"].items():
        console.print(f"suggested: --set {setting}={value:g}", highlight=False)
