"""The table of stages: what stands in it can be loaded, and a stage may make what its settings say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.manifest import KINDS
from danlu.errors import UserError
from danlu.pipeline.api import run
from danlu.pipeline.graph import build_graph
from danlu.pipeline.recipe import load_recipe
from danlu.pipeline.stages import STAGES

Write = Callable[[str], Path]
CORPUS = "name: t\nstages:\n  texts: {do: clean, into: corpus, from: raw}\n"


@pytest.mark.parametrize("do", STAGES)
def test_settings_and_stage_are_where_the_table_says(do: str) -> None:
    config_class = STAGES[do].config_class()
    assert get_args(config_class.model_fields["do"].annotation) == (do,)
    assert getattr(config_class, "KIND", "examples") in KINDS


def test_clean_makes_what_its_settings_say(recipe_file: Write) -> None:
    for into in ("examples", "corpus"):
        recipe = load_recipe(recipe_file(CORPUS.replace("corpus", into)))
        assert recipe.stages["texts"].config.kind == into


def test_corpus_is_published_as_such(recipe_file: Write, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "x.txt").write_text("丹炉")
    result = run(recipe_file(CORPUS), workspace=tmp_path / "workspace")
    artifact = result.stages["texts"].artifact
    assert artifact.path.parent == tmp_path / "workspace" / "artifacts" / "corpus"
    assert (artifact.kind, artifact.manifest.stage) == ("corpus", "clean")
    (batch,) = read_documents(artifact.path, "train")
    assert batch["text"].to_pylist() == ["丹炉"]


@pytest.mark.parametrize("texts", ["texts", "texts.test"])
def test_corpus_does_not_stand_where_a_model_must(recipe_file: Write, texts: str) -> None:
    text = CORPUS + f"  tuned: {{do: train, model: {texts}, data: texts, budget: {{steps: 1}}}}\n"
    with pytest.raises(UserError) as caught:
        build_graph(load_recipe(recipe_file(text)))
    assert caught.value.what.endswith(f"recipe.yaml:4: tuned.model needs a model, and {texts!r} is a corpus.")


def test_corpus_and_its_parts_stand_where_documents_may(recipe_file: Write) -> None:
    text = (
        CORPUS
        + """\
  base: {do: import, from: x.gguf}
  packed: {do: tokenize, data: texts, tokenizer: base}
  proof: {do: evaluate, models: [base], data: texts.test}
  files: {do: export, model: base, data: texts.validation}
"""
    )
    build_graph(load_recipe(recipe_file(text)))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("into: corpus, format: alpaca", "3: texts: format goes with 'into: examples', and this stage says"),
        ("chinese: simplified", "3: texts: chinese goes with 'into: corpus', and this stage says 'into: examples'."),
        ("into: corpus, text: '{title'", "3: texts.text: expected '}' before end of string"),
        ("into: corpora", "3: texts.into may not be the text 'corpora'"),
    ],
)
def test_settings_that_do_not_fit_are_named_with_their_line(recipe_file: Write, line: str, what: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(recipe_file(CORPUS.replace("into: corpus", line)))
    assert f"recipe.yaml:{what}" in caught.value.what
