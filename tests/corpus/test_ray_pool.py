"""Parts that are worked on by Ray are the same, byte for byte; and what a node does not see is said."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from danlu.artifacts.store import Artifact
from danlu.corpus.config import CleanConfig
from danlu.corpus.documents.making import DocumentMaker
from danlu.corpus.files import SourceFile
from danlu.corpus.parts import Part
from danlu.corpus.reading.table import piece_of
from danlu.corpus.working import driver
from danlu.corpus.working.ray_pool import work_where_seen, worked_on_ray
from danlu.corpus.working.work import Task
from danlu.errors import UserError
from danlu.pipeline.api import run

RECIPE = """
name: texts
stages:
  texts: {do: clean, into: corpus, from: "file:raw.jsonl", deduplicate: {near: 0.8}, run_on: WHERE, processes: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"text": f"Text {n % 300} of many, in its {n % 17} words and {n % 11} lines."} for n in range(400)]
    (tmp_path / "raw.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def made(folder: Path, where: str) -> Artifact:
    (folder / "recipe.yaml").write_text(RECIPE.replace("WHERE", where), encoding="utf-8")
    artifact = run(folder / "recipe.yaml", folder / where).stages["texts"].artifact
    assert artifact
    return artifact


def task_of(folder: Path, config: CleanConfig) -> Task:
    piece = piece_of(SourceFile(folder / "raw.jsonl", "file:raw.jsonl", None))
    (folder / "parts").mkdir()
    (folder / "parts" / "division").write_text("x")
    return Task(Part(0, (piece,)), ("{text}",), config, {}, DocumentMaker, folder / "parts" / "000000")


def test_the_same_bytes_come_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(driver, "PART_BYTES", 4000)
    here, there = made(folder, "local"), made(folder, "ray")
    assert here.id == there.id
    assert here.manifest.files == there.manifest.files


def test_without_ray_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="needs the package ray"):
        made(folder, "ray")


def test_a_node_that_sees_too_little_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CleanConfig.model_validate({"into": "corpus", "from": "raw.jsonl"})
    task = task_of(folder, config)
    work_where_seen(task, None)
    assert task.directory.is_dir()
    hidden = replace(task.part.pieces[0], file=SourceFile(folder / "elsewhere.jsonl", "file:raw.jsonl", None))
    with pytest.raises(UserError, match=r"does not see .*elsewhere"):
        work_where_seen(replace(task, part=Part(0, (hidden,))), None)
    with pytest.raises(UserError, match=r"does not see .*division"):
        work_where_seen(replace(task, directory=folder / "unshared" / "000000"), None)
    personal: Any = CleanConfig.model_validate({"into": "corpus", "from": "raw.jsonl", "personal": {}})
    monkeypatch.setenv("DANLU_PERSONAL_KEY", "one key of a node, and no other")
    with pytest.raises(UserError, match="another DANLU_PERSONAL_KEY"):
        work_where_seen(replace(task, config=personal), "other")


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(worked_on_ray([], None)) == []
