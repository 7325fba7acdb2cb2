"""The end screen of a run: what was done, what came of it, and what to try next, on one screen.

It reads the facts of the artifacts and shows what is there, whatever the recipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from danlu.cli.lines import flat
from danlu.pipeline.format import format_bytes, format_seconds
from danlu.pipeline.run import RunResult, StageResult
from danlu.settings import DEFAULT_WORKSPACE

NUM_ANSWERS = 2
"""Prompts of the evaluation whose answers are shown."""

MAX_LINES = 2
"""Lines of one answer."""

USES: dict[str | None, list[str]] = {None: ["chat", "serve"], "classification": ["classify"]}
"""Commands for a released model, by what it is for; a language model does not say it."""


@dataclass(frozen=True)
class Answer:
    """What the served model said."""

    model: str
    question: str
    text: str
    address: str
    seconds: float


def print_summary(console: Console, result: RunResult, workspace: Path, answer: Answer | None) -> None:
    """Print the screen."""
    took = sum(stage.seconds for stage in result.stages.values() if not stage.cached)
    work = f"is done, {format_seconds(took)} of work" if took else "was done already; nothing had to be made"
    console.print(f"\n[bold]{escape(result.run)}[/] {work}. It lies in {escape(str(workspace))}.", highlight=False)
    console.print(_stages(result))
    for stage in result.stages.values():
        if stage.artifact.kind == "report":
            _print_losses(console, stage.facts)
            _print_accuracies(console, stage.facts)
            _print_answers(console, stage.facts)
        if stage.artifact.kind == "export":
            _print_exports(console, stage.facts)
    if answer:
        console.print(f"[bold]Asked the served model[/] at {answer.address}, {format_seconds(answer.seconds)}")
        _print_table(console, [("", Text(flat(answer.question), style="dim")), ("", Text(flat(answer.text)))])
    _print_next(console, result, workspace)


def _stages(result: RunResult) -> Table:
    """A row for each stage: what it took, and beside it what was predicted."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for title in ("stage", "does"):
        table.add_column(title, no_wrap=True)
    for title in ("time", "planned", "memory", "planned"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for stage in result.stages.values():
        planned = stage.predicted
        table.add_row(
            escape(stage.name),
            escape(stage.do),
            format_seconds(stage.seconds),
            format_seconds(planned.seconds) if planned else "",
            format_bytes(stage.peak_memory_bytes),
            format_bytes(planned.peak_memory_bytes) if planned else "",
            _remark(stage),
            style="dim" if stage.cached else "",
        )
    return table


def _remark(stage: StageResult) -> str:
    if stage.cached:
        return "cached"
    return "resumed" if stage.resumed else ""


def _print_losses(console: Console, facts: dict[str, Any]) -> None:
    """Held-out loss of each model with its interval, and the paired difference."""
    losses, intervals = facts.get("loss"), facts.get("loss_interval", {})
    if not isinstance(losses, dict):
        return
    differences = facts.get("difference", {})
    rows = []
    for name, loss in losses.items():
        text = f"{loss:.3f}{_interval(intervals.get(name))}"
        if name in differences:
            text += f"   {differences[name]['mean']:+.3f}{_interval(differences[name]['interval'])} row by row"
        rows.append((name, Text(text)))
    console.print("[bold]Held-out loss[/], nats a token")
    _print_table(console, rows)


def _print_accuracies(console: Console, facts: dict[str, Any]) -> None:
    """Accuracy and macro F1 of each classifier with their intervals, beside the most frequent class."""
    accuracies = facts.get("accuracy")
    if not isinstance(accuracies, dict):
        return
    f1, intervals, f1_intervals = (
        facts.get(name, {}) for name in ("macro_f1", "accuracy_interval", "macro_f1_interval")
    )
    rows = [
        (
            name,
            Text(f"{value:.3f}{_interval(intervals.get(name))}   F1 {f1[name]:.3f}{_interval(f1_intervals.get(name))}"),
        )
        for name, value in accuracies.items()
    ]
    rows.append((f"always {facts['majority_label']}", Text(f"{facts['majority_accuracy']:.3f}")))
    console.print("[bold]Held-out accuracy[/], and macro F1")
    _print_table(console, rows)


def _interval(bounds: Any) -> str:
    return f" [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else ""


def _print_answers(console: Console, facts: dict[str, Any]) -> None:
    """A few held-out prompts with each model's answer."""
    for generation in facts.get("generations", [])[:NUM_ANSWERS]:
        question = Text.assemble(("Asked ", "bold"), flat(generation["prompt"]))
        question.truncate(console.width, overflow="ellipsis")
        console.print(question)
        _print_table(console, [(name, Text(flat(text))) for name, text in generation["answers"].items()])


def _print_exports(console: Console, facts: dict[str, Any]) -> None:
    """Size of each export and how it compares with the trained model."""
    rows = []
    for name, export in facts.get("formats", {}).items():
        said = [format_bytes(export["num_bytes"])]
        if "kl_mean_nats" in export:
            said.append(f"KL to the trained model {export['kl_mean_nats']:.2g} nats a token")
        if "token_ids_identical" in export:
            said.append("same token ids" if export["token_ids_identical"] else "other token ids")
        rows.append((name, Text(", ".join(said))))
    if rows:
        console.print("[bold]Exports[/]")
        _print_table(console, rows)


def _print_next(console: Console, result: RunResult, workspace: Path) -> None:
    place = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    released = [stage.facts for stage in result.stages.values() if stage.artifact.kind == "release"]
    if released:
        models = [stage for stage in result.stages.values() if stage.artifact.kind == "model"]
        tasks = {model.artifact.id: model.facts.get("task") for model in models}
        verbs = USES.get(tasks.get(released[-1]["model"]), [])
        commands = [f"danlu {verb} {released[-1]['name']}" for verb in [*verbs, "models show"]]
    else:
        commands = [f"danlu status {result.run}", f"danlu logs {result.run}", "danlu artifacts"]
    console.print("[bold]Next[/]")
    for command in commands:
        console.print(f"  {escape(command + place)}", highlight=False, soft_wrap=True)


def _print_table(console: Console, rows: list[tuple[str, Text]]) -> None:
    """Names and texts side by side, each text cut to `MAX_LINES` lines."""
    indent = max((cell_len(name) for name, _ in rows), default=0)
    table = Table.grid(padding=(0, 1))
    width = console.width - indent - 4
    for name, text in rows:
        lines = text.wrap(console, width)
        if len(lines) > MAX_LINES:
            lines[MAX_LINES - 1].truncate(width - 1)
            lines[MAX_LINES - 1].append("…")
        table.add_row(" ", Text(name, style="dim"), Text("\n").join(lines[:MAX_LINES]))
    console.print(table, highlight=False)
