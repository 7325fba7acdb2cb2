"""A recipe that mixes two corpora, from files to a trained model, and what its id depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.pipeline.api import plan, run

RECIPE = """
name: mixed
stages:
  base: {do: import, from: "file:MODEL"}
  poems: {do: clean, into: corpus, from: "file:poems.txt", documents: lines}
  prose: {do: clean, into: corpus, from: "file:prose.txt", documents: lines}
  p: {do: tokenize, data: poems, tokenizer: base, length: 32}
  q: {do: tokenize, data: prose, tokenizer: base, length: 32}
  tuned:
    do: train
    objective: language_model
    model: base
    data: {p: 0.75, q: 0.25}
    budget: {steps: 5}
    precision: fp32
"""


@pytest.fixture
def recipe(tmp_path: Path, tiny_model_dir: Path) -> Path:
    for name in ("poems", "prose"):
        lines = [f"This is line {number} of the {name}, and it is not long." for number in range(60)]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("MODEL", str(tiny_model_dir)), encoding="utf-8")
    return path


def test_from_files_to_a_model(recipe: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"

    def id_with(old: str = "", new: str = "") -> str:
        changed = recipe.with_name("changed.yaml")
        changed.write_text(recipe.read_text().replace(old, new) if old else recipe.read_text(), encoding="utf-8")
        return {stage.name: stage.artifact for stage in plan(changed, workspace).stages}["tuned"]

    result = run(recipe, workspace).stages["tuned"]
    assert result.facts["num_steps"] == 5
    assert [(parent.field, parent.name) for parent in result.artifact.manifest.parents] == [
        ("model", "base"),
        ("data", "p"),
        ("data", "q"),
    ]
    same = result.artifact.id
    assert id_with() == same
    renamed = recipe.read_text().replace("  q: {", "  other: {").replace("q: 0.25", "other: 0.25")
    assert id_with(recipe.read_text(), renamed) == same
    assert id_with("p: 0.75, q: 0.25", "p: 0.25, q: 0.75") != same
    assert id_with("{p: 0.75, q: 0.25}", "[p, q]") != same


def test_a_source_that_is_not_there_is_named_with_its_line(recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("q: 0.25", "qq: 0.25"), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        plan(recipe)
    assert "recipe.yaml:13: tuned.data refers to 'qq', but there is no stage 'qq'." in caught.value.what
    assert caught.value.hint == "Did you mean 'q'?"
