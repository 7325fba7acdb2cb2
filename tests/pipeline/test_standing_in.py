"""Stages made ready to be tried out before the models they take have been made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import toys

from danlu.artifacts.stage import Estimate, Reference, StageConfig, StageContext
from danlu.errors import UserError
from danlu.pipeline.recipe import load_recipe
from danlu.pipeline.stages import StageType
from danlu.pipeline.standing_in import Prepared, prepare_with_stand_ins
from danlu.settings import Workspace


class BlankConfig(StageConfig):
    KIND: ClassVar[str] = "model"

    do: Literal["toy-blank"]


class MoreConfig(StageConfig):
    KIND: ClassVar[str] = "model"

    do: Literal["toy-more"]
    model: Annotated[str, Reference(("model",))]
    data: Annotated[str, Reference(("examples",))]


class CutConfig(StageConfig):
    """Prepares data with the help of a model, as a tokenize stage may."""

    KIND: ClassVar[str] = "examples"

    do: Literal["toy-cut"]
    model: Annotated[str, Reference(("model",))]


def plan(config: Any, context: StageContext) -> Estimate:
    return Estimate(seconds=0.1, peak_memory_bytes=1, disk_bytes=1)


def run(config: Any, context: StageContext, out: Path) -> dict[str, Any]:
    (out / "it.json").write_text(json.dumps(context.name))
    return {"made_by": context.name}


toys._module("toy_blank", plan, run, prepares=True)
toys._module("toy_more", plan, run)
toys._module("toy_cut", plan, run, prepares=True)
TABLE = {
    **toys.TABLE,
    "toy-blank": StageType("test_standing_in:BlankConfig", "toy_blank"),
    "toy-more": StageType("test_standing_in:MoreConfig", "toy_more"),
    "toy-cut": StageType("test_standing_in:CutConfig", "toy_cut"),
}
RECIPE = """\
name: toy
stages:
  rows: {do: toy-rows, count: 5}
  blank: {do: toy-blank}
  first: {do: toy-more, model: blank, data: rows.train}
  second: {do: toy-more, model: first, data: rows.train}
  third: {do: toy-more, model: second, data: rows.train}
  cut: {do: toy-cut, model: first}
  fourth: {do: toy-more, model: blank, data: cut.train}
  sum: {do: toy-sum, data: rows.train}
  fifth: {do: toy-more, model: sum, data: rows.train}
"""


@pytest.fixture
def prepare(recipe_file: Callable[[str], Path], workspace: Workspace) -> Callable[..., list[Prepared]]:
    def call(*names: str) -> list[Prepared]:
        return prepare_with_stand_ins(load_recipe(recipe_file(RECIPE), table=TABLE), workspace, [], names)

    return call


def test_what_prepares_is_made_and_the_nearest_model_stands_in(prepare: Callable[..., list[Prepared]]) -> None:
    first, third = prepare("first", "third")
    assert (first.stand_ins, first.passed_over) == ({}, [])
    assert first.context.input("model").facts == {"made_by": "blank"}
    assert third.stand_ins == {"second": "blank"}
    assert [getattr(config, "model", None) for config in third.passed_over] == ["blank", "first"]
    model = third.context.input("model")
    assert (model.name, model.facts) == ("second", {"made_by": "blank"})
    assert third.context.input("data").path.is_dir()


def test_nothing_is_made_from_a_stand_in(prepare: Callable[..., list[Prepared]], workspace: Workspace) -> None:
    with pytest.raises(UserError, match="cut has not been made"):
        prepare("fourth")
    assert list(workspace.artifacts.glob("*/*/it.json")) == list(workspace.artifacts.glob("model/*/it.json"))


def test_where_nothing_stands_in_it_has_to_be_run_first(prepare: Callable[..., list[Prepared]]) -> None:
    with pytest.raises(UserError, match="sum has not been made") as caught:
        prepare("fifth")
    assert caught.value.hint == "Run it first: danlu run recipe.yaml"
