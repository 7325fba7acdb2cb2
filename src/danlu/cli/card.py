"""``danlu data card``: a card for a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.data_options import LanguageName, LanguageOption
from danlu.cli.options import JsonOption, WorkspaceOption
from danlu.settings import DEFAULT_WORKSPACE


def card(
    what: Annotated[
        str, typer.Argument(help="As for inspect: RUN.STAGE, a run, a stage or an id.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it goes.")] = Path("card.md"),
    language: LanguageOption = LanguageName.english,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write a card for cleaned data, as Hugging Face lays them out.

    Numbers, sources with their licences, filters, splits, what was done about personal information, and known limits.
    Licences and consent are as the recipe states them under 'rights'.
    """
    from danlu.cli.output import console_for, print_json
    from danlu.corpus.inspecting.card import card_of
    from danlu.corpus.inspecting.inspection import inspect
    from danlu.corpus.inspecting.page import write_page
    from danlu.corpus.inspecting.subject import INSPECTED, of_artifact
    from danlu.pipeline.finding import get_artifact, num_tokens_of
    from danlu.settings import Workspace

    place = Workspace.open(workspace)
    artifact = get_artifact(place, what, INSPECTED)
    subject = of_artifact(artifact)
    inspection = inspect(subject, num_tokens=num_tokens_of(place, artifact))
    path = write_page(card_of(subject, inspection, language.value), out, place, subject.name, subject.id)
    if as_json:
        print_json({"artifact": artifact.id, "card": str(path)})
        return
    console_for(False).print(f"The card of {subject.name}: [bold]{path}[/]", highlight=False, soft_wrap=True)
