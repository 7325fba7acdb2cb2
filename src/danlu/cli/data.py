"""``danlu data``: work on data by hand, without a recipe."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.card import card
from danlu.cli.data_options import Into
from danlu.cli.diff import diff
from danlu.cli.inspect import inspect
from danlu.cli.options import JsonOption, QuietOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE

app = typer.Typer(no_args_is_help=True, help="Work on data by hand, without a recipe: clean, inspect, diff, card.")


class On(StrEnum):
    local = "local"
    ray = "ray"


Sources = Annotated[
    list[str],
    typer.Argument(metavar="FROM...", help="Files, folders or URIs (pypi:, s3://, sql:, ...).", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting of 'do: clean', e.g. deduplicate.near=0.8."),
]


@app.command(
    epilog="Examples:\n\n  danlu data clean raw/ --set documents=paragraphs --set deduplicate.near=0.8\n\n"
    "  danlu data clean chats.jsonl.zst --into examples --name chats\n\n"
    "  RAY_ADDRESS=head:6379 danlu data clean /shared/raw --on ray --workspace /shared/workspace"
)
def clean(
    sources: Sources,
    into: Annotated[Into, typer.Option(help="Documents (corpus), or conversations (examples).")] = Into.corpus,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the run is called, and the artifact.")] = "data",
    on: Annotated[
        On, typer.Option(help="Processes of this machine, or a Ray cluster (RAY_ADDRESS); the result is the same.")
    ] = On.local,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn files into a clean corpus, or into conversations.

    What is left out is listed with its reason in dropped.parquet. The same command goes on where it was stopped or
    killed. In a recipe this is a stage: {do: clean, from: ..., into: ...}.
    """
    import yaml

    from danlu.cli.run import run_and_show
    from danlu.pipeline.recipe import load_recipe

    stage = {"do": "clean", "into": into.value, "run_on": on.value, "from": [_absolute(source) for source in sources]}
    with tempfile.TemporaryDirectory(prefix="danlu-data-") as directory:
        path = Path(directory) / "recipe.yaml"
        path.write_text(yaml.safe_dump({"name": name, "stages": {name: stage}}, allow_unicode=True), encoding="utf-8")
        recipe = load_recipe(path, [f"{name}.{setting}" for setting in set_ or []])
        recipe = replace(recipe, path=Path.cwd() / path.name)  # paths in settings are meant from here, too
        run_and_show(recipe, workspace, as_json=as_json, quiet=quiet)


app.command(
    epilog="Examples:\n\n  danlu data inspect poet.poems\n\n"
    "  danlu data inspect poet.poems --set quality.gopher_quality_chinese.min_words=40\n\n"
    "  danlu data inspect raw/ --sample 10000 --set quality={} --html raw.html"
)(inspect)
app.command(epilog="Examples:\n\n  danlu data diff poet.poems\n\n  danlu data diff 5006f3d9 f4934606 --html diff.html")(
    diff
)
app.command(epilog="Example:\n\n  danlu data card poet.poems --language chinese --out card.md")(card)


def _absolute(source: str) -> str:
    """Paths are meant from where the command is given."""
    if source.startswith("sql:"):
        from danlu.sources.sql import anchored

        return anchored(source, Path.cwd())
    return source if ":" in source else str(Path(source).absolute())
