"""Options that the commands of ``danlu data`` share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Into(StrEnum):
    corpus = "corpus"
    examples = "examples"


class LanguageName(StrEnum):
    english = "english"
    chinese = "chinese"


SeedOption = Annotated[int, typer.Option(metavar="N", min=0, help="Another one shows other samples.")]
LanguageOption = Annotated[LanguageName, typer.Option(help="Of what is written.")]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", help="Where the page goes (default: pages/ in the workspace).", show_default=False
    ),
]
