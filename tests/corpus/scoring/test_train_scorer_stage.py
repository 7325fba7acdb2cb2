"""``do: train_scorer`` in a recipe, and documents chosen by what it makes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.tags import read_tags
from danlu.corpus.scoring.config import TrainScorerConfig
from danlu.corpus.scoring.scorer import load_scorer
from danlu.errors import UserError
from danlu.pipeline.api import run

RECIPE = """\
name: chosen
stages:
  books: {do: clean, into: corpus, from: books.jsonl}
  menus: {do: clean, into: corpus, from: menus.jsonl}
  like_books: {do: train_scorer, method: classifier, good: books, bad: [menus], held_out: 0.3, buckets: 4096}
  fluent: {do: train_scorer, method: n_grams, data: books, longest: 3, held_out: 0.3}
  texts: {do: clean, into: corpus, from: new.jsonl, scorers: {like_books: {at_least: 0.5}, fluent: {at_most: 9}}}
"""
PROSE, MENU = (
    words.split()
    for words in (
        "the fire had gone out and nobody came to light it again because they had all left 炉火 已经 熄灭 了",
        "home login cart share next previous page contact sitemap 首页 登录 下一页 >> |",
    )
)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    chance = random.Random(3)

    def write(name: str, texts: list[str]) -> None:
        (tmp_path / name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))

    write("books.jsonl", [" ".join(chance.choices(PROSE, k=chance.randrange(20, 60))) for _ in range(200)])
    write("menus.jsonl", [" ".join(chance.choices(MENU, k=chance.randrange(5, 60))) for _ in range(100)])
    new = [" ".join(chance.choices(PROSE, k=30)), " ".join(chance.choices(MENU, k=30)), "the had zqxj" * 9]
    write("new.jsonl", new)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_documents_are_chosen_by_scores(recipe: Path, tmp_path: Path) -> None:
    result = run(recipe, workspace=tmp_path / "workspace")
    made = {name: stage.artifact for name, stage in result.stages.items()}
    assert made["like_books"].kind == made["fluent"].kind == "scorer"
    facts = made["like_books"].facts
    assert facts["num_learnt"]["good"] + facts["num_held_out"]["good"] == 200
    assert facts["auc"] > 0.99
    assert facts["auc_interval"][0] <= facts["auc"] <= facts["auc_interval"][1]
    assert facts["accuracy_interval"][0] < facts["accuracy"] <= facts["accuracy_interval"][1]
    assert 1 < made["fluent"].facts["perplexity_per_character"] < 9
    new = [json.loads(line)["text"] for line in (tmp_path / "new.jsonl").read_text().splitlines()]
    tags = [row for batch in read_tags(made["texts"].path) for row in batch.to_pylist()]
    for name in ("like_books", "fluent"):
        assert [row[f"scorer/{name}"] for row in tags] == load_scorer(made[name].path).score(new).tolist()
    reasons: list[Any] = [row["reason"] for row in read_dropped(made["texts"].path)]
    assert reasons == ["scorer/like_books: it scores under 0.5", "scorer/fluent: it scores over 9"]
    assert made["texts"].facts["num_documents"]["train"] == 1
    again = run(recipe, workspace=tmp_path / "other")
    assert [stage.artifact.manifest.files for stage in again.stages.values()] == [
        stage.artifact.manifest.files for stage in result.stages.values()
    ]


def test_too_few_documents_are_refused(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "books.jsonl").write_text('{"text": "one"}\n')
    with pytest.raises(UserError, match="books has 1 documents to choose from, which is too few"):
        run(recipe, workspace=tmp_path / "workspace")


def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValidationError, match="method: classifier needs bad"):
        TrainScorerConfig(method="classifier", good="books")
    with pytest.raises(UserError, match="min_count goes with 'method: n_grams'"):
        TrainScorerConfig(method="classifier", good="books", bad="menus", min_count=3)
    with pytest.raises(ValidationError, match="buckets: 5000 is no power of two"):
        TrainScorerConfig(method="classifier", good="books", bad="menus", buckets=5000)
