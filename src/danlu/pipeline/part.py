"""A part of a recipe: some stages and what they need, with the processes that they train on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from danlu.errors import UserError, did_you_mean
from danlu.pipeline.graph import Graph, build_graph
from danlu.pipeline.recipe import Recipe, load_recipe
from danlu.training.config import TrainConfig


def needed_by(names: Iterable[str], graph: Graph) -> set[str]:
    """These stages and all that they rest on."""
    found = set(names)
    for name in reversed(graph.order):
        if name in found:
            found |= {link.stage for link in graph.links[name] if link.stage}
    return found


def only(recipe: Recipe, names: Iterable[str]) -> Recipe:
    """The recipe without the stages that these do not need."""
    kept = needed_by(names, build_graph(recipe))
    return replace(recipe, stages={name: stage for name, stage in recipe.stages.items() if name in kept})


def trainings_of(recipe: Recipe, stage: str | None) -> list[str]:
    """The train stages, or the one that is asked for.

    Raises:
        UserError: there is none, or it is none.
    """
    trainings = [name for name, found in recipe.stages.items() if isinstance(found.config, TrainConfig)]
    if stage is None:
        if not trainings:
            raise UserError(f"The recipe {recipe.name!r} has no train stage.", "Run it with: danlu run")
        return trainings
    if stage not in recipe.stages:
        raise UserError(f"The recipe {recipe.name!r} has no stage {stage!r}.", did_you_mean(stage, trainings))
    if stage not in trainings:
        raise UserError(
            f"The stage {stage!r} does {recipe.stages[stage].do!r}.",
            f"Name a train stage: {', '.join(trainings)}" if trainings else "Run the recipe with: danlu run",
        )
    return [stage]


def load_trainings(path: Path, overrides: Sequence[str], stage: str | None, num_processes: int | None) -> Recipe:
    """A recipe up to its train stages, or one of them.

    Args:
        path: The recipe.
        overrides: ``PATH=VALUE``.
        stage: Name of the train stage; all if not given.
        num_processes: For each of them; the recipe's own if not given. ``parallel.data`` is what is left of them when
            the other sizes of ``parallel`` are taken.

    Raises:
        UserError: something is wrong with the recipe, or the processes cannot be divided so.
    """
    recipe = load_recipe(path, overrides)
    names = trainings_of(recipe, stage)
    if num_processes is not None:
        asked = [_asked(recipe, name, num_processes) for name in names]
        recipe = load_recipe(path, [*overrides, *asked])
    return only(recipe, names)


def _asked(recipe: Recipe, name: str, num_processes: int) -> str:
    """The override that gives a train stage so many processes."""
    config = recipe.stages[name].config
    assert isinstance(config, TrainConfig)
    if config.parallel.auto:
        return f"{name}.parallel={{auto: true, processes: {num_processes}}}"
    others = config.parallel.num_processes // config.parallel.data
    if num_processes % others:
        raise UserError(
            f"--nproc {num_processes}: {name} divides its model over {others} ({config.parallel.describe()}).",
            f"Give a multiple of {others}, or change {name}.parallel.",
        )
    return f"{name}.parallel.data={num_processes // others}"
