"""Held-out rows that were trained on are found by following the model to its data, and scores come without them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from danlu.artifacts.examples import read_examples
from danlu.artifacts.store import Artifact
from danlu.pipeline.api import run

RECIPE = """
name: leaky
stages:
  base: {do: import, from: "file:MODEL"}
  exam: {do: clean, from: "file:exam.jsonl", split: {test: 0.6}}
  texts: {do: clean, into: corpus, from: "file:texts.jsonl"}
  packed: {do: tokenize, data: texts, tokenizer: base, length: 64}
  tuned:
    {do: train, objective: language_model, model: base, data: packed, budget: {steps: 2}, precision: fp32}
  proof: {do: evaluate, models: [base, tuned], data: exam.test, generations: {rows: 0}}
  blind: {do: evaluate, models: [base], data: exam.test, generations: {rows: 0}, contamination: false}
"""


def words(seed: int, count: int) -> str:
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(0, 99, count))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> dict[str, Artifact]:
    """Of 16 questions the even ones stand in documents."""
    directory = tmp_path_factory.mktemp("leaky")
    exam = [{"prompt": words(number, 10), "completion": words(100 + number, 8)} for number in range(16)]
    texts = [words(200 + number, 40) for number in range(16)]
    for number in range(0, 16, 2):
        texts[number] += f"\n{exam[number]['prompt'].upper()}: {exam[number]['completion']}."
    for name, rows in (("exam", exam), ("texts", [{"text": text} for text in texts])):
        (directory / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (directory / "recipe.yaml").write_text(RECIPE.replace("MODEL", str(tiny_model_dir)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DANLU_CACHE", raising=False)
        stages = run(directory / "recipe.yaml", directory / "workspace").stages
    return {name: stage.artifact for name, stage in stages.items() if stage.artifact}


def test_rows_that_were_trained_on_are_found_and_no_others(made: dict[str, Artifact]) -> None:
    held_out = {row["id"]: row["row"] for row in read_examples(made["exam"].path, "test")}
    assert {row % 2 for row in held_out.values()} == {0, 1}
    report = json.loads((made["proof"].path / "report.json").read_text())["contamination"]
    seen = report["models"]["tuned"]["seen"]
    assert {each["id"] for each in seen} == {row_id for row_id, row in held_out.items() if row % 2 == 0}
    assert {(each["share"], each["data"]) for each in seen} == {(1.0, "texts.train")}
    assert report["models"]["tuned"]["num_documents"] == 16
    assert report["models"]["base"]["num_seen"] == 0
    assert any("before it was imported" in each for each in report["models"]["base"]["unknown"])
    assert "What tuned saw" in (made["proof"].path / "report.html").read_text()


def test_scores_without_them_are_those_of_the_other_rows(made: dict[str, Artifact]) -> None:
    rows = pq.read_table(made["proof"].path / "rows.parquet").to_pylist()
    facts = made["proof"].facts["contamination"]
    held_out = {row["id"]: row["row"] for row in read_examples(made["exam"].path, "test")}
    for model in ("base", "tuned"):
        for name, remainder in (("loss_without_seen", 1), ("loss_of_seen", 0)):
            mine = [row for row in rows if row["model"] == model and held_out[row["id"]] % 2 == remainder]
            loss = sum(row["nll"] for row in mine) / sum(row["num_tokens"] for row in mine)
            wanted = None if (model, name) == ("base", "loss_of_seen") else pytest.approx(loss)
            assert facts[model][name] == wanted
    low, high = facts["tuned"]["loss_without_seen_interval"]
    assert low < facts["tuned"]["loss_without_seen"] < high


def test_nobody_looks_where_it_is_not_asked_for(made: dict[str, Artifact]) -> None:
    assert "contamination" not in made["blind"].facts
    assert json.loads((made["blind"].path / "report.json").read_text())["contamination"] is None
