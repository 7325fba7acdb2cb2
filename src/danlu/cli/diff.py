"""``danlu data diff``: what differs between two versions of cleaned data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from danlu.cli.data_options import LanguageName, LanguageOption, SeedOption
from danlu.cli.options import JsonOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from rich.console import Console

    from danlu.corpus.inspecting.differing import Difference

MOST = 12


def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="As for inspect: RUN.STAGE, a run, a stage or an id.", show_default=False)
    ],
    second: Annotated[
        str | None,
        typer.Argument(
            metavar="[B]",
            help="The other one (default: the newest other version of A's stage; older first).",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", min=0, help="Rows shown of each change.")] = 2,
    seed: SeedOption = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a page.", show_default=False)
    ] = None,
    language: LanguageOption = LanguageName.english,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions of cleaned data: settings, numbers, and what became of each row.

    Rows are told apart by their ids, which are hashes of their texts: added, removed, moved to another split, or left
    out for another reason.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.corpus.inspecting.difference_page import render_difference
    from danlu.corpus.inspecting.differing import difference_of
    from danlu.corpus.inspecting.page import write_page
    from danlu.corpus.inspecting.subject import INSPECTED, of_artifact
    from danlu.pipeline.finding import get_artifact, newest_but
    from danlu.settings import Workspace

    place, console = Workspace.open(workspace), console_for(as_json)
    before = get_artifact(place, first, INSPECTED)
    if second:
        after = get_artifact(place, second, INSPECTED)
    else:
        before, after = sorted([before, newest_but(place, before)], key=lambda artifact: artifact.manifest.created)
    difference = difference_of(of_artifact(before), of_artifact(after), num_samples=samples, seed=seed)
    path = None
    if html is not None:
        path = write_page(render_difference(difference, language.value), html, place, "diff", None)
    if as_json:
        print_json({**difference.to_json(), "html": str(path) if path else None})
        return
    _print(console, difference)
    if path:
        console.print(f"\nThe page: [bold]{path}[/]", highlight=False, soft_wrap=True)


def _print(console: Console, difference: Difference) -> None:
    from rich.markup import escape
    from rich.text import Text

    from danlu.cli.lines import flat

    first, second = (f"{name} [dim]{its_id}[/]" for name, its_id in zip(difference.names, difference.ids, strict=True))
    console.print(f"\n[bold]{first}[/] → [bold]{second}[/]", highlight=False)
    console.print(
        f"[green]+{difference.num_added:,} added[/]  [red]−{difference.num_removed:,} removed[/]"
        f"  {difference.num_moved:,} in another split  {difference.num_same:,} the same"
        f"  [dim]({difference.num_edited:,} places hold another text)[/]",
        highlight=False,
    )
    if difference.settings:
        console.print("[bold]Settings[/]")
        for name, (before, after) in difference.settings.items():
            console.print(f"  {escape(name)}: [red]{_value(before)}[/] → [green]{_value(after)}[/]", highlight=False)
    numbers = {name: pair for name, pair in difference.numbers.items() if pair[0] != pair[1]}
    if numbers:
        console.print("[bold]Numbers[/]")
        for name, (before, after) in numbers.items():
            console.print(f"  {escape(name)}: {_value(before)} → {_value(after)}", highlight=False)
    if difference.transitions:
        console.print("[bold]Rows[/]")
    for before, after, count in difference.transitions[:MOST]:
        console.print(f"  {count:,} × {escape(before)} → {escape(after)}", highlight=False)
        for row in difference.samples:
            if (row.before, row.after) == (before, after):
                line = Text(f"      {row.id}  {flat(row.text)}", style="dim")
                line.truncate(console.width - 1, overflow="ellipsis")
                console.print(line)
    if len(difference.transitions) > MOST:
        console.print(f"  [dim]and {len(difference.transitions) - MOST} more kinds of change[/]")
    if not (difference.settings or numbers or difference.transitions):
        console.print("Nothing differs.")


def _value(value: Any) -> str:
    from rich.markup import escape

    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else escape(str(value))
