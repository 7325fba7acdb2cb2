"""``danlu run``: make everything a recipe asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.cli.console import make_listener
from danlu.cli.output import console_for, print_json
from danlu.cli.summary import Answer, print_summary
from danlu.errors import UserError
from danlu.pipeline.recipe import Recipe, load_recipe
from danlu.pipeline.run import RunResult, run_recipe
from danlu.settings import Workspace
from danlu.training.parallel.team import team


def run_command(
    recipe: Path, workspace: Path, overrides: list[str], *, ask: str | None, as_json: bool, quiet: bool
) -> None:
    """Run the recipe, then show the end screen or the JSON result."""
    run_and_show(load_recipe(recipe, overrides), workspace, ask=ask, as_json=as_json, quiet=quiet)


def run_and_show(recipe: Recipe, workspace: Path, *, as_json: bool, quiet: bool, ask: str | None = None) -> None:
    """Run a recipe that has been read, or a part of one."""
    others = team()
    if others and not others.is_led_here:
        from danlu.training.parallel.teamwork import follow

        follow(others)
        return
    release = _released_stage(recipe) if ask else None
    console = console_for(as_json)
    listener = None if quiet else make_listener(console)
    try:
        result = run_recipe(recipe, Workspace.open(workspace), [listener] if listener else [])
    finally:
        if others:
            others.dismiss()
        if listener:
            listener.close()
    answer = _ask(result, release, workspace, ask) if ask and release else None
    if as_json:
        print_json(_as_json(result, release, answer))
    elif not quiet:
        print_summary(console, result, workspace, answer)


def _released_stage(recipe: Recipe) -> str:
    """The last stage that releases a model."""
    stages = [name for name, stage in recipe.stages.items() if stage.config.kind == "release"]
    if not stages:
        raise UserError(
            f"--ask needs a released model, and the recipe {recipe.name!r} has no stage that does 'release'.",
            "Leave out --ask, or add such a stage.",
        )
    return stages[-1]


def _ask(result: RunResult, release: str, workspace: Path, question: str) -> Answer:
    from danlu.serving.probe import ask_once

    model = result.stages[release].facts["name"]
    said = ask_once(model, workspace, question)
    return Answer(model, question, said["answer"], said["address"], said["seconds"])


def _as_json(result: RunResult, release: str | None, answer: Answer | None) -> dict[str, Any]:
    content = result.to_json()
    if release and answer:
        content["stages"][release]["asked"] = {
            "question": answer.question,
            "answer": answer.text,
            "seconds": answer.seconds,
        }
    return content
