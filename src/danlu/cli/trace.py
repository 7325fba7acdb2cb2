"""``danlu trace``: from what a model learnt back to its bytes, and from a document or a person to models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from danlu.cli.options import JsonOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    help="Follow data: from a token that a model learnt to file, bytes, filters and edits (token, row); from a"
    " document, a text or a person to every artifact and model that saw it (document, text, person).",
)

Model = Annotated[
    str,
    typer.Argument(
        help="NAME or NAME@2 of a release, the stage that trained it, or an artifact's id.", show_default=False
    ),
]

SHOWN_CHARACTERS = 300
SHOWN_PLACES = 20


@app.command(
    epilog="Examples:\n\n  danlu trace token assistant --step 12\n\n"
    "  danlu trace token assistant --step 12 --row 3 --token 17"
)
def token(
    model: Model,
    step: Annotated[int, typer.Option(metavar="K", help="Of the training, from 1, as in metrics.", show_default=False)],
    row: Annotated[
        int | None, typer.Option(metavar="R", help="Of the step's batch, from 0 (default: all).", show_default=False)
    ] = None,
    token: Annotated[
        int | None, typer.Option(metavar="T", help="Of the row, from 0 (default: all).", show_default=False)
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show where what a model read at a step came from.

    The batch of a step is made once more from the tokens: nothing had to be written down for it. For each document: the
    file, its place there in lines and bytes, the filters it passed with what they counted, and what was changed between
    the file and the training. The file is read again if it is still there and its hash fits; nothing is downloaded.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.pipeline.tracing.tokens import trace_token

    found = trace_token(_open(workspace), model, step, row, token)
    if as_json:
        print_json(found)
        return
    console = console_for(False)
    name = f"{found['model']['name']} ({found['model']['id']})"
    console.print(f"Step {step} of {found['num_steps']} of {name}", style="bold", highlight=False)
    if found["left_out"]:
        console.print("Its batch was left out of the training (health).", style="yellow")
    if "token" in found:
        _show_token(console, found["token"])
    for each in found.get("rows", []):
        console.print(f"\nRow {each['row']}: {each['num_tokens']} tokens of {each['tokens']['name']}", style="bold")
        for one in each["documents"]:
            _show_document(console, one, brief=row is None)


@app.command(epilog="Example:\n\n  danlu trace row packed 1234")
def row(
    tokens: Annotated[str, typer.Argument(help="Tokens: an artifact's id, or the stage's name.", show_default=False)],
    number: Annotated[int, typer.Argument(metavar="ROW", help="From 0.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show which documents a packed row holds, and where they came from.

    The rows of a corpus are cut while it is trained on: there, ROW counts documents.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.pipeline.tracing.tokens import trace_row

    found = trace_row(_open(workspace), tokens, number)
    if as_json:
        print_json(found)
        return
    console = console_for(False)
    what = "Row" if found["is_packed"] else "Document"
    console.print(f"{what} {number} of {found['tokens']['name']} ({found['tokens']['id']})", style="bold")
    for one in found["documents"]:
        _show_document(console, one, brief=False)


@app.command(
    epilog="Examples:\n\n  danlu trace document 1f0c9a62b7d3e845\n\n  danlu trace document 1f0c9a62b7d3e845 --steps"
)
def document(
    document_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of a document or conversation.", show_default=False)
    ],
    steps: Annotated[
        bool, typer.Option("--steps", help="Also say at which steps each model read it; makes every batch again.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show every artifact and model that saw a document, and those that left it out, with the reason.

    The split says how it was seen: train is learnt from, validation is measured on, test is held out.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.pipeline.tracing.documents import trace_document

    found = trace_document(_open(workspace), document_id, steps=steps)
    if as_json:
        print_json(found)
        return
    console = console_for(False)
    _show_spread(console, found)
    _show_holdings(console, "Left out because they repeat it", found["repeated_by"])
    for each in found["steps"] or []:
        listed = ", ".join(map(str, each["steps"][:SHOWN_PLACES])) or "none: training ended before it came up"
        more = f" and {len(each['steps']) - SHOWN_PLACES} more" if len(each["steps"]) > SHOWN_PLACES else ""
        _line(console, f"{each['name']} ({each['model']}) read it at steps: {listed}{more}")


@app.command(epilog="Example:\n\n  danlu trace text 'The capital of France is Paris.' --inside")
def text(
    text: Annotated[str, typer.Argument(help="Of a whole document; with --inside, some words.", show_default=False)],
    inside: Annotated[
        bool, typer.Option("--inside", help="Look within documents and conversations, too; reads every text.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show every artifact and model that saw a text.

    Without --inside a whole document is found by its hash, however its white space is laid out.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.pipeline.tracing.documents import trace_text

    found = trace_text(_open(workspace), text, inside=inside)
    if as_json:
        print_json(found)
        return
    console = console_for(False)
    if not found["num_documents"]:
        more = "" if inside else " Pieces of texts are found with --inside."
        _line(console, f"No document in this workspace is this text.{more}" if not inside else "No text here holds it.")
        return
    listed = ", ".join(found["documents"][:SHOWN_PLACES])
    _line(console, f"{found['num_documents']:,} documents: {listed}")
    _show_spread(console, found)


@app.command(
    epilog="Examples:\n\n  danlu trace person 13812345678\n\n"
    "  DANLU_PERSONAL_KEY=... danlu trace person 王小明 --json\n\n  danlu trace person - < name.txt"
)
def person(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="A name, number or address, a pseudonym, or the hash from a placeholder; - reads it from stdin.",
            show_default=False,
        ),
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show every artifact and model that saw somebody, and say what cannot be told.

    Texts are searched for it as it is. With the key that personal information was treated with in DANLU_PERSONAL_KEY,
    its hash and its pseudonyms are looked for as well. What was masked without a key is gone for good, also for this
    command. The value is neither printed nor written anywhere.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.pipeline.tracing.persons import trace_person

    found = trace_person(_open(workspace), sys.stdin.read() if who == "-" else who)
    if as_json:
        print_json(found)
        return
    console = console_for(False)
    if not found["found"]:
        _line(console, "Nothing in this workspace was found to hold it.")
    for each in found["found"]:
        _line(
            console, f"{each['kind']} {each['name']} ({each['id']}): {each['num_documents']:,} documents, {each['as']}"
        )
    if found["found"]:
        _show_spread(console, found)
    if found["cannot_tell"]:
        console.print("\nWhat cannot be told", style="bold")
    for each in found["cannot_tell"]:
        _line(console, f"  {each}")


def _open(workspace: Path) -> Any:
    from danlu.settings import Workspace

    return Workspace.open(workspace)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= SHOWN_CHARACTERS else one_line[: SHOWN_CHARACTERS - 1] + "…"


def _show_token(console: Console, found: dict[str, Any]) -> None:
    target = "a target of the loss" if found["is_target"] else "read, and no target of the loss"
    _line(console, f"Token {found['token']}: {found['text']!r} ({found['written']}, id {found['id']}), {target}")
    _line(console, f"  … {_short(found['before'])[-80:]} [{found['text']}] {_short(found['behind'])[:80]} …", "dim")
    _line(console, f"  token {found['position']:,} of {found['tokens']['name']}, document {found['number']:,}")
    if found["characters"]:
        start, end = found["characters"]
        _line(console, f"  characters {start:,} to {end:,} of the document")
    _show_document(console, found, brief=False)


def _show_document(console: Console, found: dict[str, Any], *, brief: bool) -> None:
    """One document with where it came from."""
    origin = found.get("document")
    for problem in found.get("missing", []):
        _line(console, f"  {problem}", "yellow")
    if origin is None:
        return
    _line(console, f"\n  document {origin['id']}: {origin['source']}, row {origin['row']}", "cyan")
    if "data" not in origin:
        return
    data = origin["data"]
    _line(console, f"    kept in {data['kind']} {data['name']} ({data['id']}), split {origin['split']}")
    if file := origin["file"]:
        inside = " of what is packed in it" if file["packed"] else ""
        place = f": {file['place']}" if file["place"] else ""
        bytes_ = f", bytes {file['start']:,} to {file['stop']:,}{inside}" if file["start"] is not None else ""
        _line(console, f"    {file['path']}{place}{bytes_}")
        if file["token"]:
            _line(console, f"    the token: bytes {file['token']['start']:,} to {file['token']['stop']:,}{inside}")
    for problem in origin["missing"]:
        _line(console, f"    {problem}", "yellow")
    if brief:
        return
    _line(console, f"    {_short(origin['text'])}", "dim")
    for each in origin["filters"]:
        said = f"{each['value']:g}" if "value" in each else str(each["setting"])
        bounds = " ".join(
            f"{word} {each[key]:g}"
            for key, word in (("at_least", "at least"), ("at_most", "at most"))
            if each.get(key) is not None
        )
        _line(console, f"    passed {each['filter']}: {said}{f' ({bounds})' if bounds else ''}")
    rules = {each.get("tag") for each in origin["filters"]}
    for name, value in origin["tags"].items():
        if name not in rules and value is not None:
            _line(console, f"    {name}: {value if isinstance(value, str) else f'{value:g}'}")
    for edit in origin["edits"] or []:
        for change in edit["changes"]:
            _line(console, f"    {edit['by']}: {_short(change['removed'])!r} -> {_short(change['added'])!r}")
    for find in origin["personal"]:
        _line(console, f"    personal: {find['kind']} at {find['start']}, {find['treatment']}")


def _show_spread(console: Console, found: dict[str, Any]) -> None:
    _show_holdings(console, "Held by", found["held"])
    _show_holdings(console, "Left out by", found["left_out"])
    if found["reached"]:
        console.print("\nSeen by", style="bold")
    for each in found["reached"]:
        versions = f" {', '.join(each['versions'])}" if each["versions"] else ""
        epochs = f", {each['epochs']:g} epochs" if "epochs" in each else ""
        _line(console, f"  {each['kind']} {each['name']} ({each['id']}){versions}: {each['how']}{epochs}")


def _show_holdings(console: Console, title: str, holdings: list[dict[str, Any]]) -> None:
    if not holdings:
        return
    console.print(f"\n{title}", style="bold")
    for each in holdings[:SHOWN_PLACES]:
        where = f"split {each['split']}" if each["split"] else each["reason"]
        row = f", row {each['row']}" if each["row"] is not None else ""
        _line(console, f"  {each['kind']} {each['name']} ({each['id']}): {where}; {each['source']}{row}")
    if len(holdings) > SHOWN_PLACES:
        _line(console, f"  and {len(holdings) - SHOWN_PLACES:,} more")
