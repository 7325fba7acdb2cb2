"""Real trainings of a tiny model, diagnosed from what they left in the workspace."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from danlu.errors import UserError
from danlu.monitoring.curves import Curves
from danlu.monitoring.diagnosis import diagnose
from danlu.monitoring.reading.run import find_trainings
from danlu.pipeline.api import run
from danlu.settings import Workspace

RECIPE = """
name: healthy
stages:
  base: {do: import, from: "file:MODEL"}
  text: {do: clean, into: corpus, from: "file:text.txt", documents: lines, split: {validation: 0.05}}
  packed: {do: tokenize, data: text, tokenizer: base, length: 32}
  tuned:
    do: train
    objective: language_model
    model: base
    data: packed
    budget: {steps: 60}
    batch: {rows: 4, rows_at_once: 4}
    optimizer: {learning_rate: 0.01}
    validate_every_steps: 12
    precision: fp32
    compile: false
"""

CLASSES = """
name: classes
stages:
  text: {do: clean, into: corpus, from: "file:rows.jsonl", label: "{label}", split: {validation: 0.3}}
  words: {do: train_tokenizer, data: text, vocabulary_size: 280, special_tokens: {kind: encoder}}
  packed: {do: tokenize, data: text, tokenizer: words, length: 24}
  blank: {do: initialize, tokenizer: words, architecture: bert, size: 2M, hidden_size: 16, num_layers: 1, num_heads: 2,
          intermediate_size: 32, context: 24}
  tuned:
    do: train
    objective: classification
    model: blank
    data: packed
    regularisation: {dropout: 0.0}
    budget: {epochs: 2}
    batch: {rows: 16, rows_at_once: 16}
    optimizer: {learning_rate: 0.01}
    precision: fp32
"""

WORDS = {
    "who": ["the alchemist", "a patient student", "the old furnace", "my neighbour"],
    "does": ["turns", "weighs", "hides", "remembers"],
    "what": ["raw ore into silver", "three drops of mercury", "a letter from Paris", "the steady fire"],
}


def sentences(count: int) -> list[str]:
    """Of a grammar that a tiny model learns in a few steps; each different."""
    choose = random.Random(7)
    return [f"{number} times " + " ".join(choose.choice(words) for words in WORDS.values()) for number in range(count)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Path:
    directory = tmp_path_factory.mktemp("diagnosed")
    (directory / "text.txt").write_text("\n".join(sentences(600)), encoding="utf-8")
    (directory / "recipe.yaml").write_text(RECIPE.replace("MODEL", str(tiny_model_dir)), encoding="utf-8")
    return directory


def trained(place: Path, recipe: str = "recipe.yaml", **changes: object) -> Curves:
    name = str(changes.pop("name", "healthy"))
    run(place / recipe, place / "workspace", set={"name": name, **changes})
    (curves,) = find_trainings(Workspace.open(place / "workspace"), name)
    return curves


def test_a_healthy_run(place: Path) -> None:
    curves = trained(place)
    diagnosis = diagnose(curves)
    assert diagnosis.alarms == []
    assert curves.stage == "tuned"
    assert curves.num_steps == 60
    assert curves.setting("optimizer", "kind") == "adamw"
    assert len(curves.series["train/loss"]) == 60
    assert len(curves.series["validation/loss"]) == 5
    assert {"learning_rate_high", "under_fitting", "over_fitting"} <= set(diagnosis.clear)


def test_the_frequencies_are_those_of_the_targets(place: Path) -> None:
    trained(place)
    (tokens,) = (place / "workspace" / "artifacts" / "tokens").glob("[!.]*")
    counts = np.array(list(Counter(np.load(tokens / "train" / "tokens-00000.npy").tolist()).values()))
    shares = counts / counts.sum()
    assert trained(place).data.unigram_nats == pytest.approx(-(shares * np.log(shares)).sum())


def test_a_rate_that_is_too_high(place: Path) -> None:
    curves = trained(place, name="high", **{"tuned.optimizer.learning_rate": 3.0})
    finding = diagnose(curves).alarms[0]
    assert finding.ailment == "learning_rate_high"
    option = finding.changes[0].option
    assert option is not None
    setting, _, value = option.removeprefix("--set ").partition("=")
    assert setting == "tuned.optimizer.learning_rate"
    assert 0 < float(value) <= 1.0


def test_a_run_may_be_named_by_its_directory(place: Path) -> None:
    trained(place)
    (curves,) = find_trainings(Workspace.open(place / "elsewhere"), str(place / "workspace" / "runs" / "healthy"))
    assert curves.name == "healthy"


def test_what_was_made_by_another_run_is_found_there(place: Path) -> None:
    trained(place)
    again = trained(place, name="again")
    assert len(again.series["train/loss"]) == 60
    assert not list((place / "workspace" / "runs" / "again" / "stages").rglob("metrics.jsonl"))


def test_a_stage_that_is_not_there_is_named(place: Path) -> None:
    trained(place)
    with pytest.raises(UserError, match="has no training 'tune'") as error:
        find_trainings(Workspace.open(place / "workspace"), "healthy", "tune")
    assert "Did you mean 'tuned'?" in error.value.hint


def test_labels_that_are_wrong_are_found_on_held_out_rows(place: Path) -> None:
    choose = random.Random(7)
    rows = []
    for number in range(1200):
        good = choose.random() < 0.5
        label = "good" if good != (choose.random() < 0.3) else "bad"
        words = [choose.choice(["bright", "warm", "kind"] if good else ["dull", "cold", "rude"]) for _ in range(3)]
        rows.append(json.dumps({"text": f"{' '.join(words)} {number}", "label": label}))
    (place / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (place / "classes.yaml").write_text(CLASSES, encoding="utf-8")
    curves = trained(place, "classes.yaml", name="classes")
    counts = curves.data.class_counts
    assert counts is not None
    assert sum(counts.values()) == pytest.approx(840, abs=60)
    diagnosis = diagnose(curves)
    assert diagnosis.alarms[0].ailment == "label_noise"
    assert diagnosis.alarms[0].numbers["share"] == pytest.approx(0.3, abs=0.15)
