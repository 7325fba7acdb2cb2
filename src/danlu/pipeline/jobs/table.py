"""The schedulers there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.errors import UserError, did_you_mean
from danlu.pipeline.jobs import kubernetes, ray, slurm
from danlu.pipeline.jobs.request import JobRequest


@dataclass(frozen=True)
class Scheduler:
    """One of them."""

    options: type[Any]
    """A dataclass: what only it is told."""
    render: Callable[[JobRequest, Any, Path | None], str]
    """The file's content, given where it will lie, if that is known."""
    submit: Callable[[Path], str]
    """The command that hands the file over."""


SCHEDULERS = {
    "slurm": Scheduler(slurm.SlurmOptions, slurm.render, slurm.submit),
    "kubernetes": Scheduler(kubernetes.KubernetesOptions, kubernetes.render, kubernetes.submit),
    "ray": Scheduler(ray.RayOptions, ray.render, ray.submit),
}


def scheduler_named(name: str) -> Scheduler:
    """
    Raises:
        UserError: there is none of that name.
    """
    if name not in SCHEDULERS:
        raise UserError(f"--for {name!r} is no scheduler that Danlu knows.", did_you_mean(name, list(SCHEDULERS)))
    return SCHEDULERS[name]


def options_of(name: str, given: dict[str, Any]) -> Any:
    """The scheduler's own options, from those that were given on the command line by name.

    Raises:
        UserError: one goes with another scheduler, or one is missing.
    """
    own = scheduler_named(name).options
    for option in given:
        if option not in own.__dataclass_fields__:
            others = [other for other, each in SCHEDULERS.items() if option in each.options.__dataclass_fields__]
            raise UserError(
                f"--{option} goes with --for {', '.join(others)}, not with --for {name}.", f"Leave --{option} out."
            )
    if own is kubernetes.KubernetesOptions and "image" not in given:
        raise UserError(
            "--for kubernetes needs the image of a container with danlu in it.",
            "Give --image, for example --image registry.example/danlu:0.1.0",
        )
    return own(**given)
