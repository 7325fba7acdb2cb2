"""Ray: a Python script that runs the recipe in the workers of Ray Train."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from danlu.errors import UserError
from danlu.pipeline.jobs.request import JobRequest, in_words
from danlu.pipeline.jobs.templates import render_template


@dataclass(frozen=True)
class RayOptions:
    """What only Ray is told: nothing so far."""


def render(request: JobRequest, options: RayOptions, file: Path | None) -> str:
    """The script."""
    if request.gpus_per_node % request.processes_per_node:
        raise UserError(
            f"{request.gpus_per_node} GPUs cannot be dealt to {request.processes_per_node} processes of a node.",
            "Give as many --gpus-per-node as --processes-per-node, or a multiple.",
        )
    return render_template(
        "ray.py.jinja",
        request=request,
        what=in_words(request),
        submit=submit(file or Path("FILE")),
        gpus_per_worker=request.gpus_per_node // request.processes_per_node,
        memory_per_worker=(request.memory_bytes or 0) // request.processes_per_node,
    )


def submit(file: Path) -> str:
    """The command that hands it over, on a node of the cluster."""
    return f"python {shlex.quote(str(file))}"
