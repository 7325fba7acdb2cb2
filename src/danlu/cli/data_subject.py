"""What ``danlu data`` is to look at: an artifact by its name, or raw files, cleaned aside for as long as it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from rich.console import Console

from danlu.artifacts.stage import Source
from danlu.artifacts.store import MANIFEST_FILE
from danlu.cli.console import make_listener
from danlu.cli.data_options import Into
from danlu.corpus.config import CleanConfig
from danlu.corpus.inspecting.raw import cleaned_aside
from danlu.corpus.inspecting.subject import INSPECTED, Subject, of_artifact
from danlu.errors import UserError
from danlu.pipeline.finding import find_artifact, hint_of, num_tokens_of
from danlu.pipeline.recipe import load_recipe
from danlu.settings import Workspace
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

NAME = "inspect"


@contextmanager
def opened_subject(
    what: Sequence[str],
    into: Into,
    sample: int | None,
    seed: int,
    settings: Sequence[str],
    workspace: Workspace,
    console: Console,
) -> Iterator[tuple[Subject, dict[str, int]]]:
    """The subject, and how many tokens were made of it, by what made them.

    Raises:
        UserError: nothing is called so, or a file cannot be read.
    """
    if not _are_raw(what):
        artifact = find_artifact(workspace, what[0], INSPECTED) if len(what) == 1 else None
        if artifact is None:
            raise UserError(
                f"{' '.join(what)!r} is no file, and nothing in {workspace.root} is called so.",
                hint_of(workspace, what[0], INSPECTED),
            )
        if sample is not None:
            console.print("[yellow]--sample is for raw files; of an artifact everything is read.[/]")
        yield of_artifact(artifact), num_tokens_of(workspace, artifact)
        return
    with tempfile.TemporaryDirectory(prefix="danlu-inspect-") as scratch:
        listener = make_listener(console)
        try:
            reporter = Reporter([listener])
            config, sources = _config(what, into, settings, Path(scratch)), []
            for uri in what:
                sources.append(_fetched(uri, workspace, reporter))
            subject = cleaned_aside(config, sources, workspace, Path(scratch), reporter, sample=sample, seed=seed)
        finally:
            listener.close()
        yield subject, {}


def _are_raw(what: Sequence[str]) -> bool:
    return any((Path(each).exists() and not (Path(each) / MANIFEST_FILE).exists()) or ":" in each for each in what)


def _fetched(uri: str, workspace: Workspace, reporter: Reporter) -> Source:
    return fetch(uri, cache=workspace.cache, reporter=reporter, base=Path.cwd())


def _config(what: Sequence[str], into: Into, settings: Sequence[str], scratch: Path) -> CleanConfig:
    """As a recipe with this one stage has it, so that mistakes read the same."""
    stage = {"do": "clean", "into": into.value, "from": list(what)}
    path = scratch / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": NAME, "stages": {NAME: stage}}, allow_unicode=True), encoding="utf-8")
    recipe = load_recipe(path, [f"{NAME}.{setting}" for setting in settings])
    config = recipe.stages[NAME].config
    assert isinstance(config, CleanConfig)
    return config
