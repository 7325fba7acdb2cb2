"""A recipe up to its training, with processes divided over its layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.pipeline.part import load_trainings
from danlu.training.config import TrainConfig

RECIPE = """
name: two
stages:
  text: {do: clean, into: corpus, from: ["file:a.txt"]}
  words: {do: train_tokenizer, data: text, vocabulary_size: 512}
  base: {do: initialize, tokenizer: words, size: 2M}
  packed: {do: tokenize, data: text, tokenizer: words, length: 64}
  first: {do: train, objective: language_model, model: base, data: packed, budget: {steps: 2}}
  second:
    do: train
    objective: language_model
    model: first
    data: packed
    budget: {steps: 2}
    parallel: {tensor: 2}
  chosen: {do: train, objective: language_model, model: base, data: packed, budget: {steps: 2}, parallel: auto}
  files: {do: export, model: second, formats: [hf], data: text}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(RECIPE)
    return path


def sizes(path: Path, stage: str, num_processes: int | None) -> dict[str, int]:
    config = load_trainings(path, [], stage, num_processes).stages[stage].config
    assert isinstance(config, TrainConfig)
    return {name: size for name, size in config.parallel.sizes.items() if size > 1}


def test_what_comes_after_the_training_is_left_out(recipe: Path) -> None:
    assert "files" not in load_trainings(recipe, [], None, None).stages
    assert list(load_trainings(recipe, [], "first", None).stages) == ["text", "words", "base", "packed", "first"]


def test_processes_become_copies_of_the_layout(recipe: Path) -> None:
    assert sizes(recipe, "first", 4) == {"data": 4}
    assert sizes(recipe, "second", 4) == {"data": 2, "tensor": 2}
    assert sizes(recipe, "second", 2) == {"tensor": 2}
    assert sizes(recipe, "second", None) == {"tensor": 2}
    config = load_trainings(recipe, [], "chosen", 4).stages["chosen"].config
    assert isinstance(config, TrainConfig)
    assert (config.parallel.auto, config.parallel.processes) == (True, 4)


@pytest.mark.parametrize(
    ("stage", "num_processes", "what"),
    [
        ("second", 3, "--nproc 3: second divides its model over 2"),
        ("secnd", None, "has no stage 'secnd'"),
        ("packed", None, "The stage 'packed' does 'tokenize'"),
    ],
)
def test_what_cannot_be(recipe: Path, stage: str, num_processes: int | None, what: str) -> None:
    with pytest.raises(UserError, match=what):
        load_trainings(recipe, [], stage, num_processes)
