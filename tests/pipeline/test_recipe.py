"""Recipes: what is read, and every way in which one can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import toys

from danlu.errors import UserError
from danlu.pipeline.recipe import load_recipe

Write = Callable[[str], Path]


def stage(body: str) -> str:
    return f"name: toy\nstages:\n  rows: {{do: toy-rows}}\n  it:\n{body}"


def problem(path: Path, overrides: list[str] | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        load_recipe(path, overrides or [], toys.TABLE)
    assert "pydantic" not in str(caught.value)
    assert "http" not in str(caught.value)
    assert "\n" not in caught.value.what
    return caught.value


def test_reads_settings_defaults_and_order(recipe_file: Write) -> None:
    recipe = load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE)
    assert recipe.name == "toy"
    assert list(recipe.stages) == ["rows", "sum", "other", "proof"]
    config = recipe.stages["sum"].config
    assert isinstance(config, toys.SumConfig)
    assert (config.data, config.factor, config.fail) == ("rows.train", 2.0, None)


def test_anchors_merges_and_numbers(recipe_file: Write) -> None:
    text = """\
name: toy
stages:
  rows: {do: toy-rows, count: 60_000}
  a: &sum {do: toy-sum, data: rows.train, factor: 1e-3}
  b:
    <<: *sum
    seconds: 2
  c: *sum
"""
    recipe = load_recipe(recipe_file(text), [], toys.TABLE)
    configs = {name: recipe.stages[name].config.model_dump() for name in "abc"}
    assert recipe.stages["rows"].config.model_dump()["count"] == 60_000
    assert configs["a"]["factor"] == 0.001
    assert configs["b"] == {**configs["a"], "seconds": 2}
    assert configs["c"] == configs["a"]
    assert load_recipe(recipe_file(recipe.to_yaml()), [], toys.TABLE).stages == recipe.stages


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("", "recipe.yaml:1: the file is empty", "name and stages"),
        ("# only a comment\n", "recipe.yaml:1: the file is empty", "name and stages"),
        ("just text", "recipe.yaml:1: a recipe is a mapping", "recipes/"),
        ("- a\n- b\n", "recipe.yaml:1: a recipe is a mapping with the keys name and stages, not a list", "recipes/"),
        ("name: toy\nstages: {a: [}\n", "recipe.yaml:2: this is not YAML", "indentation"),
        ("name: toy\n\tstages: 1\n", "recipe.yaml:2: this is not YAML", "indentation"),
        ("name: toy\nstages: \x07\n", "recipe.yaml:2: this is not YAML", "character"),
        ("name: toy\n---\nname: b\n", "recipe.yaml:2: this is not YAML", ""),
        ("name: toy\nname: b\n", "recipe.yaml:2: the key 'name' was already given on line 1", "one of the two"),
        ("name: toy\n", "recipe.yaml:1: the recipe needs the key 'stages'", "Add it"),
        ("stages: {a: {do: toy-rows}}\n", "recipe.yaml:1: the recipe needs the key 'name'", "name: assistant"),
        ("name: toy\nstages: {}\n", "recipe.yaml:2: stages must be a mapping", "For example"),
        ("name: toy\nstages:\n", "recipe.yaml:2: stages must be a mapping of names to stages, not nothing", ""),
        ("name: a/b\nstages: {a: {do: toy-rows}}\n", "recipe.yaml:1: the name of the recipe may not be", "letter"),
        ("name: 3\nstages: {a: {do: toy-rows}}\n", "recipe.yaml:1: the name of the recipe may not be the number 3", ""),
        ("name: t\nstage: {}\n", "recipe.yaml:2: unknown key 'stage'", "Did you mean 'stages'?"),
        ("name: t\ndescription: 3\nstages: {a: {do: toy-rows}}\n", "recipe.yaml:2: description must be text", ""),
        (
            "name: t\nstages:\n  a.b: {do: toy-rows}\n",
            "recipe.yaml:3: the name of a stage may not be the text 'a.b'",
            "",
        ),
        ("name: t\nstages:\n  on: {do: toy-rows}\n", "recipe.yaml:3: the key on is true to YAML", '"on"'),
        ("name: t\nstages:\n  a: 3\n", "recipe.yaml:3: the stage 'a' must be a mapping, not the number 3", ""),
        ("name: t\nstages:\n  a: {count: 3}\n", "recipe.yaml:3: the stage 'a' needs the key 'do'", "toy-rows"),
        (
            "name: t\nstages:\n  a:\n    do: toy-row\n",
            "recipe.yaml:4: a.do may not be the text 'toy-row'",
            "'toy-rows'?",
        ),
        ("name: t\nstages:\n  a: {do: [x]}\n", "recipe.yaml:3: a.do may not be a list", ""),
        ("name: t\nstages: {a: &a [*a]}\n", "recipe.yaml:2: the aliases", ""),
        ("name: t\nx: !!python/object/apply:os.system [ls]\n", "recipe.yaml:2: unknown key 'x'", ""),
        ("name: !!int x\n", "recipe.yaml:1: 'x' is not a int", ""),
        ("name: !!python/name:os.system x\n", "recipe.yaml:1: this is not YAML", ""),
    ],
)
def test_file_is_wrong(recipe_file: Write, text: str, what: str, hint: str) -> None:
    error = problem(recipe_file(text))
    assert what in error.what
    assert hint in error.hint


@pytest.mark.parametrize(
    ("body", "what", "hint"),
    [
        ("    do: toy-rows\n    coutn: 3\n", "recipe.yaml:6: unknown key 'coutn' in 'it'.", "Did you mean 'count'?"),
        ("    do: toy-rows\n    form: x\n", "recipe.yaml:6: unknown key 'form' in 'it'.", "Did you mean 'from'?"),
        (
            "    do: toy-rows\n    count: many\n",
            "recipe.yaml:6: it.count must be a whole number, not the text 'many'.",
            "",
        ),
        (
            "    do: toy-rows\n    count: '3'\n",
            "recipe.yaml:6: it.count must be a whole number, not the text '3'.",
            "quotes",
        ),
        ("    do: toy-rows\n    count: yes\n", "recipe.yaml:6: it.count must be a whole number, not true.", ""),
        (
            "    do: toy-rows\n    count: 2.5\n",
            "recipe.yaml:6: it.count must be a whole number, not the number 2.5.",
            "",
        ),
        ("    do: toy-rows\n    count:\n", "recipe.yaml:6: it.count must be a whole number, not nothing.", "default"),
        (
            "    do: toy-rows\n    count: 0\n",
            "recipe.yaml:6: it.count must be a number of at least 1, not the number 0",
            "",
        ),
        ("    do: toy-rows\n    count: [1]\n", "recipe.yaml:6: it.count must be a whole number, not a list.", ""),
        ("    do: toy-rows\n    title: 3\n", "recipe.yaml:6: it.title must be text, not the number 3.", '"3"'),
        ("    do: toy-rows\n    title: 2024-01-01\n    count: x\n", "recipe.yaml:7: it.count", ""),
        (
            "    do: toy-rows\n    shuffle: 1\n",
            "recipe.yaml:6: it.shuffle must be true or false, not the number 1.",
            "",
        ),
        ("    do: toy-rows\n    from: 3\n", "recipe.yaml:6: it.from must be a list or text, not the number 3.", ""),
        ("    do: toy-rows\n    from:\n      - a\n      - 3\n", "recipe.yaml:8: it.from.1 must be text", ""),
        ("    do: toy-rows\n    deduplicate: 0.8\n", "recipe.yaml:6: it.deduplicate must be a mapping", ""),
        (
            "    do: toy-rows\n    deduplicate: {nera: 0.8}\n",
            "recipe.yaml:6: unknown key 'nera' in 'it.deduplicate'.",
            "near",
        ),
        (
            "    do: toy-rows\n    deduplicate:\n      near: 2\n",
            "recipe.yaml:7: it.deduplicate.near must be a number",
            "",
        ),
        (
            "    do: toy-rows\n    deduplicate: {keep: frist}\n",
            "it.deduplicate.keep may not be the text 'frist'",
            "'first'?",
        ),
        ("    do: toy-sum\n", "recipe.yaml:4: 'it' needs the key 'data'.", "data:"),
        ("    do: toy-compare\n    models: []\n", "recipe.yaml:6: it.models has 0 entries; at least 1", ""),
        (
            "    do: toy-compare\n    models: rows\n",
            "recipe.yaml:6: it.models must be a list, not the text 'rows'.",
            "",
        ),
        ("    do: toy-sum\n    data: rows.train\n    data: x\n", "recipe.yaml:7: the key 'data' was already given", ""),
    ],
)
def test_setting_is_wrong(recipe_file: Write, body: str, what: str, hint: str) -> None:
    error = problem(recipe_file(stage(body)))
    assert what in error.what
    assert hint in error.hint


def test_missing_file_names_recipes_nearby(recipe_file: Write, tmp_path: Path) -> None:
    recipe_file(toys.RECIPE)
    error = problem(tmp_path / "recpie.yaml")
    assert "There is no recipe" in error.what
    assert "recipe.yaml" in error.hint


def test_directory_and_binary(recipe_file: Write, tmp_path: Path) -> None:
    recipe_file(toys.RECIPE)
    assert "is a directory" in problem(tmp_path).what
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "binary.yaml:1: this is not a text file" in problem(tmp_path / "binary.yaml").what


def test_alias_bomb_is_refused_quickly(recipe_file: Write) -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 12))
    assert "expand without end" in problem(recipe_file(f"name: t\nl0: &l0 [x]\n{levels}\n")).what


def test_deep_nesting_is_refused(recipe_file: Write) -> None:
    assert "nested too deeply" in problem(recipe_file("a: " + "[" * 20_000)).what


@pytest.mark.parametrize("override", ["stages.sum.factor=7.5", "sum.factor=7.5"])
def test_override(recipe_file: Write, override: str) -> None:
    recipe = load_recipe(recipe_file(toys.RECIPE), [override], toys.TABLE)
    assert recipe.stages["sum"].config.model_dump()["factor"] == 7.5


def test_override_reaches_absent_nested_and_listed_settings(recipe_file: Write) -> None:
    overrides = ["rows.deduplicate.near=0.5", "proof.models.1=sum", "name=other", "rows.title=2024-01-01"]
    recipe = load_recipe(recipe_file(toys.RECIPE), overrides, toys.TABLE)
    assert recipe.name == "other"
    rows = recipe.stages["rows"].config
    assert isinstance(rows, toys.RowsConfig)
    assert rows.deduplicate == toys.Near(near=0.5)
    assert rows.title == "2024-01-01"
    assert recipe.stages["proof"].config.model_dump()["models"] == ["sum", "sum"]


@pytest.mark.parametrize(
    ("override", "what", "hint"),
    [
        ("sum.facto=2", "--set sum.facto=2: unknown key 'facto' in 'sum'.", "Did you mean 'factor'?"),
        ("smu.factor=2", "--set smu.factor=2: there is no stage 'smu'.", "Did you mean 'sum'?"),
        ("stages.smu.factor=2", "--set stages.smu.factor=2: there is no stage 'smu'.", "Did you mean 'sum'?"),
        ("sum=2", "--set sum=2: name a setting of a stage.", "tuned.seed"),
        ("sum", "--set sum: this is not of the form PATH=VALUE.", "--set"),
        ("=3", "--set =3: this is not of the form PATH=VALUE.", "--set"),
        ("sum.factor=[", "--set sum.factor=[: the value '[' is not YAML.", "Quote"),
        ("sum.factor=big", "--set sum.factor=big: sum.factor must be a number, not the text 'big'.", "without"),
        ("sum.factor.x=1", "--set sum.factor.x=1: sum.factor is the number 2 and has no settings inside.", ""),
        ("proof.models.7=1", "--set proof.models.7=1: proof.models is a list of 2", "0 to 1"),
        ("rows.deduplicate.nera=1", "unknown key 'nera' in 'rows.deduplicate'", "near"),
    ],
)
def test_override_is_wrong(recipe_file: Write, override: str, what: str, hint: str) -> None:
    error = problem(recipe_file(toys.RECIPE), [override])
    assert what in error.what
    assert hint in error.hint
