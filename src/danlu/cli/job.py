"""``danlu job``: a file that hands a recipe to a scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from danlu.cli.output import print_json
from danlu.errors import UserError
from danlu.pipeline.format import format_bytes
from danlu.pipeline.jobs.request import JobRequest, check_layouts, foretold_memory, parse_memory, parse_time
from danlu.pipeline.jobs.table import options_of, scheduler_named
from danlu.pipeline.recipe import load_recipe
from danlu.settings import Workspace


def job_command(
    path: Path,
    workspace: Path,
    overrides: list[str],
    scheduler: str,
    *,
    name: str | None,
    nodes: int,
    processes_per_node: int | None,
    gpus_per_node: int,
    cpus_per_process: int,
    memory: str | None,
    time: str | None,
    restarts: int,
    out: Path | None,
    own: dict[str, Any],
    as_json: bool,
) -> None:
    """Render the file; print it, or write it and say how to hand it over."""
    chosen, options = scheduler_named(scheduler), options_of(scheduler, own)
    recipe = load_recipe(path, overrides)
    processes = processes_per_node or max(1, gpus_per_node)
    root = workspace.expanduser().absolute()
    foretold = foretold_memory(recipe, Workspace(root), processes)
    request = JobRequest(
        recipe=recipe,
        workspace=root,
        name=name or recipe.name.lower().replace("_", "-"),
        num_nodes=nodes,
        processes_per_node=processes,
        gpus_per_node=gpus_per_node,
        cpus_per_process=cpus_per_process,
        memory_bytes=parse_memory(memory) if memory else foretold,
        seconds=parse_time(time) if time else None,
        max_restarts=restarts,
        overrides=overrides,
    )
    check_layouts(request)
    content = chosen.render(request, options, out)
    if out is not None:
        _write(out, content)
    said = _on_memory(request, memory, foretold)
    if as_json:
        submit = chosen.submit(out) if out else None
        print_json({"scheduler": scheduler, "file": str(out) if out else None, "submit": submit, "content": content})
    elif out is None:
        typer.echo(content, nl=False)
    else:
        typer.echo(f"{out} is written. Hand it over with: {chosen.submit(out)}")
    typer.echo(said, err=True)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--out {path} cannot be written: {error.strerror}.", "Give a file in a directory that you may write to."
        ) from error


def _on_memory(request: JobRequest, memory: str | None, foretold: int | None) -> str:
    """Where the memory that is asked for comes from."""
    if memory:
        return f"memory: {format_bytes(request.memory_bytes or 0)} a node, as given"
    if foretold:
        return f"memory: {format_bytes(foretold)} a node, what the plan foretells with a quarter to spare"
    return "memory: not asked for, since there is no plan in the workspace; run danlu plan first, or give --memory"
