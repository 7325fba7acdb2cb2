"""``danlu models``: the released models, what they are, and where they came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from danlu.cli.options import JsonOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from rich.table import Table
    from rich.tree import Tree

    from danlu.registry.registry import Registry, Version

app = typer.Typer(no_args_is_help=True, help="Look at released models: list, show, lineage, seen.")

Name = Annotated[str, typer.Argument(help="NAME for the newest version, or NAME@2.", show_default=False)]


@app.command("list")
def list_models(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """List every released version."""
    from danlu.cli.output import console_for, print_json

    versions = _registry(workspace).list()
    if as_json:
        print_json({"models": [_summary(version) for version in versions]})
        return
    console = console_for(False)
    if not versions:
        console.print("No model has been released in this workspace yet. A recipe with a release stage does that.")
        return
    console.print(_list_table(versions))


@app.command()
def show(name: Name, workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Show one version: its exports, its evaluation and what it was made from."""
    from danlu.cli.output import console_for, print_json

    version = _registry(workspace).resolve(name)
    if as_json:
        print_json(
            {
                "name": version.name,
                "version": version.version,
                "path": str(version.path),
                "exports": {key: str(path) for key, path in version.exports.items()},
                "evaluation": version.evaluation,
                "lineage": version.lineage,
            }
        )
        return
    console = console_for(False)
    console.print(f"[bold]{version.reference}[/]  [dim]released {_minute(version.created)}[/]", highlight=False)
    console.print(f"[dim]{version.path}[/]\n", highlight=False, soft_wrap=True)
    if version.evaluation:
        console.print(_evaluation_table(version.evaluation))
    if version.exports:
        console.print(_exports_table(version))
    console.print(_lineage_tree(version))


@app.command()
def lineage(name: Name, workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Show everything that a version was made from, down to the sources and their hashes."""
    from danlu.cli.output import console_for, print_json

    version = _registry(workspace).resolve(name)
    if as_json:
        print_json({"name": version.name, "version": version.version, "lineage": version.lineage})
        return
    console_for(False).print(_lineage_tree(version, facts=True))


@app.command()
def seen(
    row: Annotated[str, typer.Argument(help="Id of an example, as in rows.parquet.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show which models had an example in their training data."""
    from danlu.artifacts.store import ArtifactStore
    from danlu.cli.output import console_for, print_json
    from danlu.registry.lineage import models_that_saw
    from danlu.settings import Workspace

    models = models_that_saw(ArtifactStore(Workspace.open(workspace).artifacts), row)
    if as_json:
        found = [{"model": m.id, "name": m.manifest.name, "created": m.manifest.created} for m in models]
        print_json({"row": row, "models": found})
        return
    console = console_for(False)
    if not models:
        console.print(f"No model in this workspace was trained on {row!r}.", highlight=False, markup=False)
    for model in models:
        console.print(f"{model.manifest.name}  {model.id}  made {_minute(model.manifest.created)}", highlight=False)


def _registry(workspace: Path) -> Registry:
    from danlu.registry.registry import Registry
    from danlu.settings import Workspace

    return Registry.open(Workspace.open(workspace))


def _summary(version: Version) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "artifact": version.artifact_id,
        "created": version.created,
        "path": str(version.path),
        "exports": {key: str(path) for key, path in version.exports.items()},
    }


def _list_table(versions: list[Version]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("model", "released", "exports", "held-out loss or accuracy"):
        table.add_column(title)
    for version in versions:
        loss = "  ".join(f"[dim]{escape(name)}[/] {value:.3f}" for name, value in _scores(version.evaluation).items())
        table.add_row(f"[bold]{version.reference}[/]", _minute(version.created), ", ".join(version.exports), loss)
    return table


def _scores(evaluation: dict[str, Any]) -> dict[str, float]:
    accuracies: dict[str, float] = evaluation.get("accuracy", {})
    return accuracies or _losses(evaluation)


def _losses(evaluation: dict[str, Any]) -> dict[str, float]:
    losses: dict[str, float] = evaluation.get("loss", {})
    return losses


def _evaluation_table(evaluation: dict[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    rows = f"{evaluation.get('num_rows', 0):,} held-out rows"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=f"Evaluation on {rows}", title_justify="left")
    table.add_column("model")
    if "accuracy" in evaluation:
        return _with_accuracies(table, evaluation)
    for title in ("loss (nats a token)", "perplexity", "paired difference", "p"):
        table.add_column(title, justify="right")
    for name, loss in _losses(evaluation).items():
        difference = evaluation.get("difference", {}).get(name)
        table.add_row(
            escape(name),
            f"{loss:.3f}{_range(evaluation.get('loss_interval', {}).get(name))}",
            f"{evaluation['perplexity'][name]:.3g}",
            f"{difference['mean']:+.3f}{_range(difference['interval'])}" if difference else "",
            f"{difference['p_value']:.2g}" if difference else "",
        )
    return table


def _with_accuracies(table: Table, evaluation: dict[str, Any]) -> Table:
    from rich.markup import escape

    for title in ("accuracy", "macro F1", "above the most frequent class", "p"):
        table.add_column(title, justify="right")
    for name, accuracy in evaluation["accuracy"].items():
        above = evaluation["above_majority"][name]
        table.add_row(
            escape(name),
            f"{accuracy:.3f}{_range(evaluation['accuracy_interval'][name])}",
            f"{evaluation['macro_f1'][name]:.3f}{_range(evaluation['macro_f1_interval'][name])}",
            f"{above['mean']:+.3f}{_range(above['interval'])}",
            f"{above['p_value']:.2g}",
        )
    return table


def _range(interval: list[float] | None) -> str:
    return f" [dim]\\[{interval[0]:.3f}, {interval[1]:.3f}][/]" if interval else ""


def _exports_table(version: Version) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, title="Exports", title_justify="left")
    table.add_column("format")
    table.add_column("size", justify="right")
    table.add_column("where", overflow="fold")
    for name, path in version.exports.items():
        table.add_row(name, _size(path), escape(str(path)))
    return table


def _size(path: Path) -> str:
    from danlu.pipeline.format import format_bytes

    if not path.exists():
        return "[red]gone[/]"
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return format_bytes(sum(each.stat().st_size for each in files))


def _lineage_tree(version: Version, *, facts: bool = False) -> Tree:
    """The release at the root, what it was made from as branches; what is used twice is drawn once."""
    from rich.tree import Tree

    entries = {entry["id"]: entry for entry in version.lineage}
    drawn: set[str] = set()

    def add(tree: Tree, entry: dict[str, Any]) -> None:
        if entry["id"] in drawn:
            tree.add(f"{_label(entry)} [dim](above)[/]", highlight=False)
            return
        drawn.add(entry["id"])
        branch = tree.add(_label(entry), highlight=False)
        fill(branch, entry)

    def fill(branch: Tree, entry: dict[str, Any]) -> None:
        for line in _details(entry, facts=facts):
            branch.add(line, highlight=False)
        for parent in dict.fromkeys(entry["parents"]):
            add(branch, entries[parent])

    root = entries[version.artifact_id]
    tree = Tree(f"[bold]{version.reference}[/] [dim]release {root['id']}[/]", highlight=False)
    fill(tree, root)
    return tree


def _label(entry: dict[str, Any]) -> str:
    from rich.markup import escape

    from danlu.pipeline.format import format_seconds

    if entry["missing"]:
        return f"[bold]{escape(entry['name'])}[/] {entry['kind']} [dim]{entry['id']}[/] [red]removed[/]"
    took = format_seconds(entry["seconds"])
    return f"[bold]{escape(entry['name'])}[/] {entry['kind']} [dim]{entry['id']}  {entry['stage']}, {took}[/]"


def _details(entry: dict[str, Any], *, facts: bool) -> list[str]:
    from rich.markup import escape

    lines = [f"[cyan]{escape(source['uri'])}[/] [dim]{source['sha256'][:16]}…[/]" for source in entry["sources"]]
    for pattern, stated in entry.get("rights", {}).items():
        said = ", ".join(f"{name} {value}" for name, value in stated.items() if value)
        lines.append(f"[cyan]{escape(pattern)}[/] [dim]{escape(said)}[/]")
    if facts:
        known = [
            f"{name} {_plain(fact)}" for name, fact in entry["facts"].items() if not isinstance(fact, (dict, list))
        ]
        if known:
            lines.append(f"[dim]{escape(', '.join(known))}[/]")
    return lines


def _plain(fact: Any) -> str:
    return f"{fact:,}" if isinstance(fact, int) and not isinstance(fact, bool) else str(fact)


def _minute(created: str) -> str:
    """``2026-01-31 09:30``"""
    return created.replace("T", " ")[:16]
