"""The end screen fits on one screen and says what the facts say."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from danlu.artifacts.manifest import FileRecord, Manifest
from danlu.artifacts.store import Artifact
from danlu.cli.summary import Answer, print_summary
from danlu.pipeline.plan import Prediction
from danlu.pipeline.run import RunResult, StageResult

REPORT = {
    "loss": {"base": 1.84211, "tuned": 1.61234},
    "loss_interval": {"base": [1.79, 1.9], "tuned": [1.56, 1.67]},
    "difference": {"tuned": {"mean": -0.2298, "interval": [-0.26, -0.2], "p_value": 0.0001}},
    "generations": [
        {
            "prompt": f"[b]Question {number}[/b]\nabout something " * 20,
            "reference": "x",
            "answers": {"base": "I [/] am not sure.\n" * 30, "tuned": "短的回答" * 60},
        }
        for number in range(3)
    ],
}
EXPORT = {
    "formats": {
        "hf": {"path": "hf", "num_bytes": 538_000_000, "kl_mean_nats": 0.0, "token_ids_identical": True},
        "gguf-q8_0": {"path": "a.gguf", "num_bytes": 144_000_000, "kl_mean_nats": 0.0031, "token_ids_identical": True},
    }
}


def stage(name: str, kind: str, facts: dict[str, Any], **fields: Any) -> StageResult:
    manifest = Manifest(
        id="0123456789abcdef",
        kind=kind,
        stage=fields.pop("do"),
        name=name,
        stage_version=1,
        settings={},
        files={"a": FileRecord(sha256="", num_bytes=10**8)},
        facts=facts,
        created="2026-01-01T00:00:00+00:00",
        seconds=83.0,
        peak_memory_bytes=2 * 2**30,
    )
    predicted = Prediction(seconds=90.0, peak_memory_bytes=2 * 2**30, disk_bytes=10**8)
    return StageResult(
        name,
        manifest.stage,
        Artifact(Path("w/artifacts/x/0123456789abcdef"), manifest),
        cached=fields.get("cached", False),
        resumed=fields.get("resumed", False),
        predicted=fields.get("predicted", predicted),
    )


def full_run() -> RunResult:
    stages = [
        stage("base", "model", {}, do="import", cached=True, predicted=None),
        stage("rows", "examples", {}, do="clean"),
        stage("packed", "tokens", {}, do="tokenize"),
        stage("tuned", "model", {}, do="train", resumed=True),
        stage("proof", "report", REPORT, do="evaluate"),
        stage("files", "export", EXPORT, do="export"),
        stage("release", "release", {"name": "assistant", "model": "tuned"}, do="release"),
    ]
    return RunResult("assistant", Path("w/runs/assistant"), {each.name: each for each in stages})


def screen(result: RunResult, width: int, answer: Answer | None = None, *, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal)
    print_summary(console, result, Path("workspace"), answer)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_fits_on_one_screen(width: int) -> None:
    answer = Answer("assistant", "What can you do?", "I can help. " * 60, "http://127.0.0.1:1234", 3.2)
    text = screen(full_run(), width, answer)
    lines = text.splitlines()
    assert len(lines) <= 40
    assert max(cell_len(line) for line in lines) <= width


def test_says_what_the_facts_say() -> None:
    text = screen(full_run(), 100, Answer("assistant", "What can you do?", "I can help.", "http://127.0.0.1:1", 3.2))
    for expected in (
        "1.842 [1.790, 1.900]",
        "1.612 [1.560, 1.670]",
        "-0.230 [-0.260, -0.200]",
        "[b]Question 0[/b] about something",
        "短的回答",
        "513 MiB",
        "0.0031 nats",
        "same token ids",
        "I can help.",
        "danlu chat assistant",
        "danlu serve assistant",
        "danlu models show assistant",
        "1 min 23 s",
        "1 min 30 s",
        "2.0 GiB",
        "cached",
        "resumed",
    ):
        assert expected in text
    assert "Question 2" not in text


@pytest.mark.parametrize(("task", "verbs"), [("classification", ["classify", "models"]), ("masked_lm", ["models"])])
def test_says_what_an_encoder_is_for(task: str, verbs: list[str]) -> None:
    model = stage("reader", "model", {"task": task}, do="train")
    release = stage("release", "release", {"name": "reviews", "model": model.artifact.id}, do="release")
    text = screen(RunResult("reviews", Path("w/runs/reviews"), {"reader": model, "release": release}), 100)
    assert [line.split()[1] for line in text.partition("Next")[2].splitlines() if line] == verbs


def test_shows_only_what_there_is() -> None:
    only = stage("rows", "examples", {}, do="clean")
    text = screen(RunResult("small", Path("w/runs/small"), {"rows": only}), 100)
    assert "Held-out" not in text
    assert "danlu status small" in text
    assert "danlu chat" not in text
