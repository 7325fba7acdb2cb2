"""Held-out rows are kept out of documents and conversations, from a recipe to the artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.examples import read_examples
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.store import Artifact
from danlu.artifacts.tags import read_tags
from danlu.corpus.decontamination.config import DecontaminateConfig
from danlu.corpus.decontamination.judge import ITEM, OVERLAP, SIMILARITY, verdicts
from danlu.errors import UserError
from danlu.pipeline.api import run

RECIPE = """
name: apart
stages:
  exam: {do: clean, from: "file:exam.jsonl", split: {test: 0.5}}
  texts: {do: clean, into: corpus, from: "file:texts.jsonl", decontaminate: DECONTAMINATE, processes: PROCESSES}
  chats: {do: clean, from: "file:chats.jsonl", decontaminate: {against: [exam.test]}}
"""
CHINESE = "丹炉把原始数据炼成模型，法国的首都是巴黎，而意大利的首都是罗马城。"


def words(seed: int, count: int) -> str:
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(0, 900, count))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exam of 20 questions, and texts of which number 3k holds question k, in capitals and a word a line."""
    exam = [{"prompt": words(number, 12), "completion": words(100 + number, 12)} for number in range(20)]
    write(tmp_path / "exam.jsonl", exam)
    texts = [{"text": words(1000 + number, 200)} for number in range(60)]
    for number, question in enumerate(exam):
        held = f"{question['prompt']}. {question['completion']}".upper().replace(" ", "\n")
        texts[3 * number]["text"] += f"\n{held}\n{words(2000 + number, 50)}"
    write(tmp_path / "texts.jsonl", [*texts, {"text": f"前言。{CHINESE}后记。" * 2}])
    answers = [f"It says: {question['prompt']} {question['completion']}" for question in exam]
    chats = [{"prompt": "What is it?", "completion": answer} for answer in [*answers, words(7, 30)]]
    write(tmp_path / "chats.jsonl", chats)
    (tmp_path / "more.txt").write_text(f"{CHINESE}\n\n{words(1001, 200)}", encoding="utf-8")
    return tmp_path


def made(folder: Path, decontaminate: str, processes: int = 1, workspace: str = "workspace") -> dict[str, Artifact]:
    text = RECIPE.replace("DECONTAMINATE", decontaminate).replace("PROCESSES", str(processes))
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    stages = run(folder / "recipe.yaml", folder / workspace).stages
    return {name: stage.artifact for name, stage in stages.items() if stage.artifact}


def rows(directory: Path) -> set[int]:
    return {row for split in SPLITS for batch in read_documents(directory, split) for row in batch["row"].to_pylist()}


def test_what_holds_a_held_out_row_is_left_out_with_the_row(folder: Path) -> None:
    artifacts = made(folder, "{against: [exam.test], files: [file:more.txt]}")
    texts = artifacts["texts"]
    held_out = {row["row"]: row["id"] for row in read_examples(artifacts["exam"].path, "test")}
    assert 3 < len(held_out) < 17
    assert set(range(61)) - rows(texts.path) == {*(3 * number for number in held_out), 1, 60}
    for row in read_dropped(texts.path):
        where = "exam.test" if row["row"] not in (1, 60) else "file:more.txt"
        assert row["reason"].startswith(f"decontamination@1: it holds a held-out row of {where} (")
        if where == "exam.test":
            assert row["reason"].endswith(f"({held_out[row['row'] // 3]}, 1.00)")
    assert texts.facts["dropped_by_reason"] == {
        "decontamination@1: it holds a held-out row of exam.test": len(held_out),
        "decontamination@1: it holds a held-out row of file:more.txt": 2,
    }
    tags = [row for batch in read_tags(texts.path) for row in batch.to_pylist()]
    assert [(row[OVERLAP] > 0.5) == (row["split"] is None) for row in tags] == [True] * 61
    assert {row[ITEM] for row in tags if row["row"] == 60}.pop().startswith("file:more.txt#")
    # Other thresholds can be tried on the tags alone.
    columns = {OVERLAP: np.array([row[OVERLAP] for row in tags]), ITEM: [row[ITEM] for row in tags]}
    strict, _ = verdicts(columns, DecontaminateConfig(files=["x"], at_least=1.0))
    assert sum(reason is not None for reason in strict) == len(held_out) + 2
    kept = {row["row"] for split in SPLITS for row in read_examples(artifacts["chats"].path, split)}
    assert kept == set(range(21)) - set(held_out)


def test_near_rows_too(folder: Path) -> None:
    texts = read(folder / "texts.jsonl")[:60]
    for number, question in enumerate(read(folder / "exam.jsonl")):
        held = f"{question['prompt']} {question['completion']}".split()
        held[5::6] = ["changed"] * len(held[5::6])
        texts[3 * number]["text"] = f"{words(1, 40)} {' '.join(held)} {words(2, 40)}"
    write(folder / "texts.jsonl", texts)
    assert rows(made(folder, "{against: [exam.test]}")["texts"].path) == set(range(60))
    near = made(folder, "{against: [exam.test], fuzzy: 0.7}")["texts"]
    left_out = read_dropped(near.path)
    assert len(left_out) > 3
    assert all("nearly holds" in row["reason"] and row["row"] % 3 == 0 for row in left_out)
    tags = [row for batch in read_tags(near.path) for row in batch.to_pylist()]
    assert min(row[SIMILARITY] for row in tags if row["split"] is None) > 0.75


def test_processes_make_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danlu.corpus.working.pool.SMALL_BYTES", 1)
    monkeypatch.setattr("danlu.corpus.working.driver.PART_BYTES", 20_000)
    one, two = (
        made(folder, "{against: [exam.test], fuzzy: 0.9}", processes, f"w{processes}")["texts"].manifest.files
        for processes in (1, 2)
    )
    assert one == two


@pytest.mark.parametrize(
    ("decontaminate", "what"),
    [
        ("{}", "name what is held out"),
        ("{against: [exan.test]}", "exan"),
        ("{against: [exam.tests]}", "no part"),
        ("{against: [exam.validation]}", "no held-out row"),
        ("{files: [file:nowhere.jsonl]}", "nowhere"),
    ],
)
def test_mistakes_are_explained(folder: Path, decontaminate: str, what: str) -> None:
    with pytest.raises(UserError, match=what):
        made(folder, decontaminate)
