"""Slurm: a batch script in which srun starts torchrun once on each node."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from danlu.errors import UserError
from danlu.pipeline.jobs.request import JobRequest, in_words
from danlu.pipeline.jobs.templates import render_template

WARNING_SECONDS = 300
"""Before the time limit: so long a training has to finish its step and save it."""
LONGEST_NAME = 64


@dataclass(frozen=True)
class SlurmOptions:
    """What only Slurm is told."""

    setup: Sequence[str] = ()
    """Lines of shell before anything else: what puts torchrun and danlu into the PATH."""
    sbatch: Sequence[str] = ()
    """Further options of sbatch, for example ``--partition=gpu``."""


def render(request: JobRequest, options: SlurmOptions, file: Path | None) -> str:
    """The script."""
    for option in options.sbatch:
        if not option.startswith("-") or "\n" in option:
            raise UserError(f"--sbatch {option!r} is no option of sbatch.", "For example: --sbatch=--partition=gpu")
    return render_template(
        "slurm.sh.jinja",
        request=request,
        what=in_words(request),
        submit=submit(file or Path("FILE")),
        options=[*_options(request), *options.sbatch],
        setup=list(options.setup),
        log=shlex.quote(f"{_pattern(request.name)}-%j-%N.log"),
        command=shlex.join(["danlu", *run_arguments(request)]),
    )


def submit(file: Path) -> str:
    """The command that hands it over."""
    return f"sbatch {shlex.quote(str(file))}"


def run_arguments(request: JobRequest) -> list[str]:
    """Of the command ``danlu`` that each process runs."""
    overrides = [argument for override in request.overrides for argument in ("--set", override)]
    return ["run", str(request.recipe.path), "--workspace", str(request.workspace), *overrides]


def _options(request: JobRequest) -> list[str]:
    minutes, seconds = divmod(request.seconds or 0, 60)
    hours, minutes = divmod(minutes, 60)
    optional = {
        f"--gpus-per-node={request.gpus_per_node}": request.gpus_per_node,
        f"--mem={(request.memory_bytes or 0) >> 20}M": request.memory_bytes,
        f"--time={hours}:{minutes:02}:{seconds:02}": request.seconds,
    }
    return [
        f"--job-name={request.name}",
        f"--nodes={request.num_nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={request.cpus_per_node}",
        *[option for option, wanted in optional.items() if wanted],
        "--requeue",
        f"--signal=B:TERM@{WARNING_SECONDS}",
        f"--output={_pattern(request.name)}-%j.log",
        "--open-mode=append",
    ]


def _pattern(name: str) -> str:
    """For a file name in which % begins a replacement."""
    return name.replace("%", "%%")
