"""Options that most commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="DIR", help="Where everything is kept.")]
JsonOption = Annotated[bool, typer.Option("--json", help="End with one line of JSON; all else goes to stderr.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something goes wrong.")]
