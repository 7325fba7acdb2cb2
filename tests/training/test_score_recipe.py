"""A column of the raw data decides the order of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.pipeline.api import plan, run
from danlu.training.rows.curriculum import paced, scores_of
from danlu.training.settings import CurriculumSettings

RECIPE = """
name: scored
stages:
  base: {do: import, from: "file:MODEL"}
  texts: {do: clean, into: corpus, from: "file:texts.jsonl", score: grade}
  packed: {do: tokenize, data: texts, tokenizer: base, length: 32}
  tuned:
    do: train
    objective: language_model
    model: base
    data: packed
    curriculum: {by: score, start: 0.0, pacing: linear}
    budget: {epochs: 1}
    precision: fp32
"""


@pytest.fixture
def recipe(tmp_path: Path, tiny_model_dir: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {"text": f"This is text {number}, and its grade is {(7 * number) % 40}.", "grade": (7 * number) % 40}
        for number in range(40)
    ]
    rows += [{"text": "It has no grade."}, {"text": "Its grade is no number.", "grade": "good"}]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("MODEL", str(tiny_model_dir)), encoding="utf-8")
    return path


def test_documents_come_by_their_grade(recipe: Path, tmp_path: Path) -> None:
    result = run(recipe, tmp_path / "workspace")
    assert result.stages["texts"].facts["num_documents"]["train"] == 40
    assert result.stages["tuned"].facts["num_steps"] > 1
    store = TokenStore.open(result.stages["packed"].artifact.path, "train")
    settings = CurriculumSettings(by="score", start=0.0, pacing="linear")
    order = paced(0, scores_of(store, settings), settings)(0)
    assert scores_of(store, settings)[order].tolist() == list(range(40))
    assert np.diff(store.document_offsets).min() > 1


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (", score: grade", "", "curriculum.by: score goes by numbers"),
        ("score: grade", "score: grades", "no row has the column 'grades'"),
    ],
)
def test_without_the_column_it_is_said(recipe: Path, tmp_path: Path, old: str, new: str, what: str) -> None:
    recipe.write_text(recipe.read_text().replace(old, new), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        plan(recipe, tmp_path / "workspace")
    assert what in caught.value.what
