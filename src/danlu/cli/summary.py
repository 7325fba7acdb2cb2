"""The end screen of a run: what was done, what came of it, and what to try next, on one screen.

It reads the facts of the artifacts and shows what is there, whatever the recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from danlu.pipeline.format import format_bytes, format_seconds
from danlu.pipeline.run import RunResult, StageResult
from danlu.settings import DEFAULT_WORKSPACE

NUM_ANSWERS = 2
"""Prompts of the evaluation whose answers are shown."""


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
    console.print(f"\n[bold]{escape(result.run)}[/] is done, in {format_seconds(took)} of work.", highlight=False)
    console.print(_stages(result))
    width = console.width
    for stage in result.stages.values():
        if stage.artifact.kind == "report":
            _print_all(console, _losses(stage.facts))
            _print_all(console, _answers(stage.facts, width))
        if stage.artifact.kind == "export":
            _print_all(console, _exports(stage.facts))
    if answer:
        console.print(
            f"[bold]Asked over the API[/] ({answer.address}, {format_seconds(answer.seconds)})", highlight=False
        )
        console.print(f"  {_one_line(answer.question, width - 4)}", style="dim", highlight=False)
        console.print(f"  {escape(_one_line(answer.text, 2 * width - 8))}", highlight=False)
    _print_all(console, _next_commands(result, workspace))


def _print_all(console: Console, lines: Iterator[str]) -> None:
    for line in lines:
        console.print(line, highlight=False)


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


def _losses(facts: dict[str, Any]) -> Iterator[str]:
    """Held-out loss of each model with its interval, and the paired difference."""
    losses, intervals = facts.get("loss"), facts.get("loss_interval", {})
    if not isinstance(losses, dict):
        return
    shown = [f"{escape(name)} {loss:.3f}{_interval(intervals.get(name))}" for name, loss in losses.items()]
    yield f"[bold]Held-out loss[/] (nats a token)  {'   '.join(shown)}"


def _interval(bounds: Any) -> str:
    return f" \\[{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else ""


def _answers(facts: dict[str, Any], width: int) -> Iterator[str]:
    """A few held-out prompts with each model's answer."""
    for generation in facts.get("generations", [])[:NUM_ANSWERS]:
        yield f"[bold]Asked[/]  {escape(_one_line(generation['prompt'], width - 8))}"
        answers = generation["answers"]
        longest = max(map(len, answers), default=0)
        for name, text in answers.items():
            yield f"  [dim]{escape(name.ljust(longest))}[/]  {escape(_one_line(text, width - longest - 5))}"


def _exports(facts: dict[str, Any]) -> Iterator[str]:
    """Size of each export and how it compares with the trained model."""
    for name, export in facts.get("formats", {}).items():
        parity = []
        if "kl_mean_nats" in export:
            parity.append(f"KL to the trained model {export['kl_mean_nats']:.2g} nats a token")
        if "token_ids_identical" in export:
            parity.append("same token ids" if export["token_ids_identical"] else "[red]other token ids[/]")
        yield f"[bold]{escape(name)}[/]  {format_bytes(export['num_bytes'])}  {', '.join(parity)}"


def _next_commands(result: RunResult, workspace: Path) -> Iterator[str]:
    place = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    released = [stage.facts["name"] for stage in result.stages.values() if stage.artifact.kind == "release"]
    if released:
        commands = [f"danlu chat {released[-1]}", f"danlu serve {released[-1]}", f"danlu models show {released[-1]}"]
    else:
        commands = [f"danlu status {result.run}", f"danlu logs {result.run}", "danlu artifacts"]
    yield "[bold]Next[/]   " + "\n       ".join(escape(command + place) for command in commands)


def _one_line(text: str, width: int) -> str:
    """The text without line breaks, cut to `width` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
