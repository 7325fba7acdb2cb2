"""References between stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import pytest
import toys

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, SourceList, StageConfig
from danlu.errors import UserError
from danlu.pipeline.graph import Graph, build_graph, marked_settings
from danlu.pipeline.recipe import load_recipe

Write = Callable[[str], Path]


def graph(path: Path) -> Graph:
    return build_graph(load_recipe(path, [], toys.TABLE))


def problem(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        graph(path)
    return caught.value


def test_order_follows_needs_then_the_recipe(recipe_file: Write) -> None:
    text = """\
name: t
stages:
  proof: {do: toy-compare, models: [b, a]}
  b: {do: toy-sum, data: rows.test}
  lone: {do: toy-rows}
  rows: {do: toy-rows}
  a: {do: toy-sum, data: rows.train}
"""
    found = graph(recipe_file(text))
    assert found.order == ["lone", "rows", "b", "a", "proof"]
    assert [(link.setting, link.key, link.stage, link.part) for link in found.links["proof"]] == [
        ("models", 0, "b", None),
        ("models", 1, "a", None),
    ]
    assert [(link.stage, link.part) for link in found.links["a"]] == [("rows", "train")]


def test_marks_are_found_wherever_they_stand() -> None:
    mark, sources = Reference(("model",)), SourceList("first")

    class Deeper(Strict):
        other: Annotated[str, mark] = "o"

    class Config(StageConfig):
        do: Literal["x"]
        plain: Annotated[str, mark]
        optional: Annotated[str | None, mark] = None
        inside: Annotated[str, mark] | None = None
        items: tuple[Annotated[str, mark], ...] = ()
        from_: Annotated[str | list[str], sources] = "a"
        deeper: Deeper = Deeper()
        perhaps: Deeper | None = None

    config = Config(do="x", plain="p")
    names = [name for name, _, _ in marked_settings(config, Reference)]
    assert names == ["plain", "optional", "inside", "items", "deeper.other"]
    assert list(marked_settings(config, SourceList)) == [("from_", sources, "a")]


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        (
            "it: {do: toy-sum, data: rwos.train}",
            "it.data refers to 'rwos.train', but there is no stage 'rwos'.",
            "'rows'?",
        ),
        ("it: {do: toy-sum, data: sum}", "it.data needs examples, and 'sum' is a model.", "that fit: rows."),
        ("it: {do: toy-sum, data: rows.tset}", "'rows.tset', but there is no part 'tset' in examples", "'test'?"),
        ("it: {do: toy-compare, models: [sum, rows]}", "it.models needs a model, and 'rows' is examples.", "sum"),
        ("it: {do: toy-compare, models: [sum.x]}", "'sum.x', but there is no part 'x' in a model", "Leave out"),
        ("it: {do: toy-compare, models: [it2]}", "there is no stage 'it2'", "Known: rows, sum."),
    ],
)
def test_wrong_reference(recipe_file: Write, line: str, what: str, hint: str) -> None:
    text = f"name: t\nstages:\n  rows: {{do: toy-rows}}\n  sum: {{do: toy-sum, data: rows}}\n  {line}\n"
    error = problem(recipe_file(text))
    assert error.what.split(": ")[0].endswith("recipe.yaml:5")
    assert what in error.what
    assert hint in error.hint


def test_settings_may_decide_what_a_stage_makes(recipe_file: Write) -> None:
    class Config(StageConfig):
        do: Literal["either"]
        into: Literal["examples", "model"] = "examples"

        @property
        def kind(self) -> str:
            return self.into

    toys.EitherConfig = Config  # type: ignore[attr-defined]
    table = {**toys.TABLE, "either": toys.StageType("toys:EitherConfig", "toy_rows")}
    text = """\
name: t
stages:
  rows: {do: either}
  other: {do: either, into: model}
  sum: {do: toy-sum, data: rows.test}
  proof: {do: toy-compare, models: [other]}
"""
    found = build_graph(load_recipe(recipe_file(text), [], table))
    assert found.order == ["rows", "other", "sum", "proof"]
    with pytest.raises(UserError, match="needs examples, and 'other' is a model") as caught:
        build_graph(load_recipe(recipe_file(text.replace("rows.test", "other")), [], table))
    assert caught.value.hint == "Stages of this recipe that fit: rows."


class MixtureConfig(StageConfig):
    KIND = "model"
    do: Literal["mix"]
    parts: Annotated[str | list[str] | dict[str, float], Reference(("examples",))]


def test_references_may_be_the_keys_of_a_mapping(recipe_file: Write) -> None:
    toys.MixtureConfig = MixtureConfig  # type: ignore[attr-defined]
    table = {**toys.TABLE, "mix": toys.StageType("toys:MixtureConfig", "toy_sum")}
    text = """\
name: t
stages:
  it:
    do: mix
    parts:
      b: 0.3
      a.train: 2
  a: {do: toy-rows}
  b: {do: toy-rows}
"""
    found = build_graph(load_recipe(recipe_file(text), [], table))
    assert found.order == ["a", "b", "it"]
    assert [(link.place, link.stage, link.part) for link in found.links["it"]] == [
        (("parts", "b"), "b", None),
        (("parts", "a.train"), "a", "train"),
    ]
    with pytest.raises(UserError) as caught:
        build_graph(load_recipe(recipe_file(text.replace("b: 0.3", "bb: 0.3")), [], table))
    assert "recipe.yaml:6: it.parts refers to 'bb', but there is no stage 'bb'." in caught.value.what


def test_line_of_an_item_in_a_list(recipe_file: Write) -> None:
    text = "name: t\nstages:\n  rows: {do: toy-rows}\n  it:\n    do: toy-compare\n    models:\n      - nix\n"
    assert "recipe.yaml:7: it.models" in problem(recipe_file(text)).what


def test_cycle_is_named(recipe_file: Write) -> None:
    class Config(StageConfig):
        KIND = "model"
        do: Literal["loop"]
        model: Annotated[str, Reference(("model",))]

    toys.LoopConfig = Config  # type: ignore[attr-defined]
    table = {**toys.TABLE, "loop": toys.StageType("toys:LoopConfig", "toy_sum")}
    text = """\
name: t
stages:
  d: {do: loop, model: a}
  a: {do: loop, model: b}
  b: {do: loop, model: c}
  c: {do: loop, model: a}
"""
    with pytest.raises(UserError) as caught:
        build_graph(load_recipe(recipe_file(text), [], table))
    assert "recipe.yaml:4: these stages need each other in a circle: a -> b -> c -> a." in caught.value.what

    text = "name: t\nstages:\n  a: {do: loop, model: a}\n"
    with pytest.raises(UserError, match="a -> a"):
        build_graph(load_recipe(recipe_file(text), [], table))
