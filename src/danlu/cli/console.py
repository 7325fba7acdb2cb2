"""What a run says, for eyes: bars with rate and time left on a terminal, plain lines with the time elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Task as Bar
from rich.table import Column
from rich.text import Text

from danlu.pipeline.format import format_bytes, format_seconds
from danlu.pipeline.pace import Pace, seconds_left
from danlu.telemetry.reporter import Task

PLAIN_SECONDS = 10.0
"""At most this often is a line of progress printed where there is no terminal."""


def make_listener(console: Console) -> TerminalListener | PlainListener:
    """The listener that suits where `console` writes to."""
    return TerminalListener(console) if console.is_terminal else PlainListener(console)


class TerminalListener:
    """Messages scroll above one line per work in hand."""

    def __init__(self, console: Console) -> None:
        self._console = console
        column = Column(no_wrap=True, overflow="ellipsis")
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=column),
            BarColumn(bar_width=24 if console.width >= 100 else 10),
            _AmountColumn(table_column=column.copy()),
            TextColumn("[dim]{task.fields[note]}", table_column=column.copy()),
            console=console,
            transient=True,
            refresh_per_second=5,
        )
        self._pace = Pace()
        self._bars: dict[int, TaskID] = {}
        self._stage: TaskID | None = None
        self._progress.start()

    def on_event(self, event: dict[str, Any]) -> None:
        line = describe_event(event)
        if line:
            self._progress.console.print(line, highlight=False)
        if event["event"] == "stage_started":
            self._stage = self._progress.add_task(f"[bold]{escape(event['stage'])}[/]", total=None, note="")
        elif event["event"].startswith(("stage_", "run_")) and self._stage is not None:
            self._progress.remove_task(self._stage)
            self._stage = None

    def on_progress(self, task: Task) -> None:
        key, rate = id(task), self._pace.rate(task)
        if task.finished:
            if key in self._bars:
                self._progress.remove_task(self._bars.pop(key))
            return
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(
                escape(task.description), total=task.total, unit=task.unit, note="", rate=0.0
            )
        self._progress.update(
            self._bars[key], completed=task.completed, total=task.total, note=escape(task.note), rate=rate
        )

    def close(self) -> None:
        self._progress.stop()


class PlainListener:
    """One line for each thing worth knowing, with the time; progress at most every `PLAIN_SECONDS`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._last = time.monotonic()

    def on_event(self, event: dict[str, Any]) -> None:
        line = describe_event(event)
        if line:
            self._print(line)

    def on_progress(self, task: Task) -> None:
        rate = self._pace.rate(task)
        if not task.finished and time.monotonic() - self._last >= PLAIN_SECONDS:
            amount = describe_amount(task.completed, task.total, task.unit, rate)
            self._print(escape("  ".join(part for part in (task.description, amount, task.note) if part)))

    def close(self) -> None:
        """Nothing is held."""

    def _print(self, line: str) -> None:
        self._last = time.monotonic()
        self._console.print(f"{time.strftime('%H:%M:%S')}  {line}", highlight=False, soft_wrap=True)


class _AmountColumn(ProgressColumn):
    """How much of how much, the rate, and the time left."""

    def render(self, task: Bar) -> Text:
        if "unit" not in task.fields:
            return Text(format_seconds(task.elapsed or 0))
        return Text(describe_amount(task.completed, task.total, task.fields["unit"], task.fields["rate"]))


def describe_event(event: dict[str, Any]) -> str:
    """An event as one line of rich markup; empty for those that are for programs only."""
    stage = f"[bold]{escape(event['stage'])}[/]" if "stage" in event else ""
    prefix = f"{stage}: " if stage else ""
    match event["event"]:
        case "stage_started":
            predicted = event.get("predicted")
            expected = f", about {format_seconds(predicted['seconds'])} expected" if predicted else ""
            return f"{stage}: {escape(event['do'])}{expected}"
        case "stage_finished":
            return f"{prefix}[green]done[/] in {format_seconds(event['seconds'])}"
        case "stage_reused":
            return f"{prefix}[green]there already[/] ({event['artifact']})"
        case "message":
            return f"{prefix}{escape(event['message'])}"
        case "warning":
            return f"{prefix}[yellow]warning:[/] {escape(event['message'])}"
    return ""


def describe_amount(completed: float, total: float | None, unit: str, rate: float) -> str:
    """``12,288 / 60,000 tokens, 251/s, 3 min 10 s left``."""
    if unit in ("B", "bytes"):
        amount = format_bytes(completed) + (f" / {format_bytes(total)}" if total else "")
        speed = f"{format_bytes(rate)}/s"
    else:
        amount = f"{completed:,.0f}" + (f" / {total:,.0f}" if total else "") + f" {unit}"
        speed = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
    left = seconds_left(completed, total, rate)
    parts = [amount, speed if rate else "", f"{format_seconds(left)} left" if left is not None else ""]
    return ", ".join(part for part in parts if part)
