"""``danlu data inspect``: what data is like, on one screen and on one page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from danlu.cli.data_options import HtmlOption, Into, LanguageName, LanguageOption, SeedOption
from danlu.cli.options import JsonOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from rich.console import Console

    from danlu.corpus.inspecting.inspection import Inspection
    from danlu.corpus.inspecting.moving import Moved, MovedRow

BAR_WIDTH = 20
MOST_SOURCES = 8
MOST_CURVES = 3
BLOCKS = "▁▂▃▄▅▆▇█"


def inspect(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="A run's stage (poet.poems), a run, a stage or an id; or raw files, folders or URIs.",
            show_default=False,
        ),
    ],
    into: Annotated[
        Into, typer.Option(help="Of raw files: read rows as documents (corpus) or conversations (examples).")
    ] = Into.corpus,
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Of raw files: read about so many rows (default: all).", show_default=False
        ),
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", min=0, help="Rows shown for each reason.")] = 3,
    seed: SeedOption = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Of an artifact: another threshold; say what would change. Of raw files: any setting of 'do: clean'.",
        ),
    ] = None,
    html: HtmlOption = None,
    language: LanguageOption = LanguageName.english,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say what data is like: sizes, lengths, languages, sources, classes, duplicates, and what every filter did.

    Ends with the path of a page that needs nothing from outside: all numbers and pictures, samples of what was kept and
    dropped side by side, and sliders that show what moving a threshold would keep. Raw files are read as 'do: clean'
    reads them; nothing is kept of that.
    """
    from danlu.cli.data_subject import opened_subject
    from danlu.cli.output import console_for, print_json
    from danlu.corpus.inspecting.inspection import inspect as look
    from danlu.corpus.inspecting.moving import moved_by
    from danlu.corpus.inspecting.page import render, write_page
    from danlu.settings import Workspace

    place, console = Workspace.open(workspace), console_for(as_json)
    with opened_subject(what, into, sample, seed, set_ or [], place, console) as (subject, num_tokens):
        moved = None
        if set_ and subject.id is not None:
            moved = moved_by(subject, set_, num_samples=samples, seed=seed)
        inspection = look(subject, num_samples=samples, seed=seed, num_tokens=num_tokens)
        page = render(inspection, moved, language.value)
        path = write_page(page, html, place, f"inspect-{subject.name}", subject.id)
    if as_json:
        print_json({**inspection.to_json(), "moved": asdict(moved) if moved else None, "html": str(path)})
        return
    print_inspection(console, inspection)
    if moved is not None:
        print_moved(console, moved)
    console.print(f"\nThe page with all of it: [bold]{path}[/]", highlight=False, soft_wrap=True)


def print_inspection(console: Console, inspection: Inspection) -> None:
    """One screen."""
    from rich.markup import escape

    from danlu.pipeline.format import format_bytes

    total = inspection.total
    its_id = (
        f" [dim]{inspection.kind} {inspection.id}[/]" if inspection.id else f" [dim]raw files, {inspection.kind}[/]"
    )
    console.print(f"\n[bold]{escape(inspection.name)}[/]{its_id}", highlight=False)
    splits = ", ".join(f"{name} {split.num_rows:,}" for name, split in inspection.splits.items() if split.num_rows)
    console.print(
        f"{total.num_rows:,} {inspection.unit} ({splits}), {total.num_characters:,} characters,"
        f" {format_bytes(total.num_bytes)}"
        + "".join(f", {count:,} tokens" for count in inspection.num_tokens.values()),
        highlight=False,
    )
    for note in inspection.notes:
        console.print(f"[yellow]{escape(note)}[/]", highlight=False)
    _print_lengths(console, inspection)
    _print_facts(console, inspection)
    _print_funnel(console, inspection)
    _print_sources(console, inspection)
    _print_curves(console, inspection)


def _print_lengths(console: Console, inspection: Inspection) -> None:
    lengths = inspection.lengths
    if not lengths.quantiles:
        return
    highest = max(lengths.histogram.counts)
    spark = "".join(
        BLOCKS[-(-count * len(BLOCKS) // highest) - 1] if count else " " for count in lengths.histogram.counts
    )
    low, middle, high = (f"{lengths.quantiles[share]:,.0f}" for share in ("0", "0.5", "1"))
    console.print(
        f"[bold]Lengths[/]  {low} [cyan]{spark}[/] {high} characters, half of them up to {middle}", highlight=False
    )


def _print_facts(console: Console, inspection: Inspection) -> None:
    """What takes a line each."""
    from rich.markup import escape

    languages = inspection.languages.by_language
    if languages:
        total = sum(languages.values())
        said = ", ".join(f"{name} {count / total:.1%}" for name, count in list(languages.items())[:5])
        console.print(f"[bold]Languages[/]  {escape(said)}", highlight=False)
    else:
        scripts = ", ".join(f"{name} {share:.1%}" for name, share in list(inspection.languages.scripts.items())[:4])
        console.print(f"[bold]Scripts[/]  {scripts or 'no letters'} of letters", highlight=False)
    if inspection.classes:
        colour = "green" if inspection.classes.verdict == "usable" else "yellow"
        console.print(f"[bold]Classes[/]  [{colour}]{escape(inspection.classes.sentence.english)}[/]", highlight=False)
    repeats = inspection.repeats
    asked = "" if "near" in repeats.looked_for else "; near ones were not looked for"
    console.print(
        f"[bold]Repetitions[/]  {repeats.num_exact:,} exact, {repeats.num_near:,} near, of"
        f" {repeats.num_clusters:,} texts{asked}",
        highlight=False,
    )
    if inspection.personal:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in inspection.personal.by_kind.items())
        console.print(
            f"[bold]Personal information[/]  {kinds or 'none found'}"
            f" (in {inspection.personal.num_rows:,} {inspection.unit})",
            highlight=False,
        )
    if inspection.num_damaged:
        console.print(
            f"[bold]Encoding[/]  [yellow]{inspection.num_damaged:,} {inspection.unit} show signs of a wrong one[/]",
            highlight=False,
        )
    if inspection.files_set_aside:
        console.print(f"[yellow]{len(inspection.files_set_aside):,} files were set aside[/]", highlight=False)


def _print_funnel(console: Console, inspection: Inspection) -> None:
    from rich.table import Table
    from rich.text import Text

    funnel = inspection.funnel
    if not funnel.steps:
        return
    names, numbers = max(len(step.filter) for step in funnel.steps) + 2, len(f"−{funnel.num_read:,}")
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=BAR_WIDTH, no_wrap=True)
    table.add_column(no_wrap=True)

    def bar(count: int) -> Text:
        return Text("█" * max(round(BAR_WIDTH * count / max(funnel.num_read, 1)), 1 if count else 0), style="cyan")

    table.add_row("  read", f"{funnel.num_read:,}", bar(funnel.num_read), "")
    for step in funnel.steps:
        reason, count = next(iter(step.reasons.items()))
        why = reason.partition(": ")[2] or reason
        more = f", {len(step.reasons) - 1} more" if len(step.reasons) > 1 else ""
        said = Text(f"{count:,} × {why}{more}", style="dim")
        said.truncate(max(console.width - names - numbers - BAR_WIDTH - 4, 0), overflow="ellipsis")
        table.add_row(f"  {step.filter}", f"−{step.num_left_out:,}", bar(step.num_left), said)
    table.add_row("  kept", f"{funnel.num_kept:,}", bar(funnel.num_kept), "")
    console.print("[bold]Funnel[/]")
    console.print(table, highlight=False)


def _print_sources(console: Console, inspection: Inspection) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from danlu.corpus.inspecting.grouping import common_folder

    if not inspection.sources:
        return
    has_rights = any(source.rights for source in inspection.sources)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    folder = common_folder([source.name for source in inspection.sources])
    table.add_column(f"source, below {escape(folder)}" if folder else "source", overflow="fold")
    for title in ("read", "kept", "characters", "score"):
        table.add_column(title, justify="right", no_wrap=True)
    if has_rights:
        table.add_column("licence")
    for source in inspection.sources[:MOST_SOURCES]:
        licences = [each.licence or "not stated" for each in source.rights]
        licences += ["not stated"] if source.num_silent else []
        table.add_row(
            escape(source.name.removeprefix(folder) or source.name),
            f"{source.num_read:,}",
            f"{source.num_kept:,}",
            f"{source.num_characters:,}",
            f"{source.score.value:.0f}" if source.score else "",
            *([escape(", ".join(dict.fromkeys(licences)))] if has_rights else []),
        )
    if len(inspection.sources) > MOST_SOURCES:
        table.add_row(f"[dim]and {len(inspection.sources) - MOST_SOURCES} more[/]")
    console.print(table)


def _print_curves(console: Console, inspection: Inspection) -> None:
    """The rules that leave out most by themselves, and how to see what another threshold would do."""
    curves = [curve for curve in inspection.curves if curve.num_alone][:MOST_CURVES]
    if not curves:
        return
    console.print("[bold]Thresholds[/]  that alone leave out most")
    for curve in curves:
        console.print(
            f"  {curve.setting} = {curve.threshold:g}: {curve.num_alone:,} {inspection.unit}, {curve.reason}",
            highlight=False,
            markup=False,
        )
    console.print(
        f"  [dim]See what another would change with --set, e.g. --set {curves[0].setting}=VALUE[/]", highlight=False
    )


def print_moved(console: Console, moved: Moved) -> None:
    """What other thresholds would change."""
    from rich.markup import escape

    share = (moved.num_back - moved.num_gone) / moved.num_kept if moved.num_kept else 0.0
    console.print(f"\n[bold]With {escape(', '.join(moved.settings))}[/]", highlight=False)
    console.print(
        f"  {moved.num_kept:,} are kept now; [green]{moved.num_back:,} would come back[/],"
        f" [red]{moved.num_gone:,} would go[/] ({share:+.1%})",
        highlight=False,
    )
    if moved.num_repeating:
        console.print(f"  {moved.num_repeating:,} of those that come back repeat others exactly", highlight=False)
    if moved.num_freed:
        console.print(
            f"  {moved.num_freed:,} near duplicates of those that go may come in their place", highlight=False
        )
    for sign, colour, rows in (("+", "green", moved.back), ("−", "red", moved.gone)):
        for row in rows:
            _print_row(console, sign, colour, row)


def _print_row(console: Console, sign: str, colour: str, row: MovedRow) -> None:
    from rich.text import Text

    from danlu.cli.lines import flat

    numbers = ", ".join(f"{name.rpartition('/')[2]} {value:.4g}" for name, value in row.numbers.items())
    console.print(Text.assemble((f"  {sign} ", colour), (row.id, "bold"), f"  {flat(row.reason)}  ", (numbers, "dim")))
    text = Text(f"      {flat(row.text)}", style="dim", no_wrap=True, overflow="ellipsis")
    console.print(text, no_wrap=True, overflow="ellipsis")
