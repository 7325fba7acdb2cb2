"""Texts that rules judge, cleaned into a directory."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.stage import Source, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.corpus.inspecting.subject import Subject
from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter

WORDS = [
    "the",
    "river",
    "and",
    "mountain",
    "with",
    "stone",
    "that",
    "they",
    "have",
    "walked",
    "of",
    "to",
    "be",
    "light",
]
Cleaned = Callable[..., Subject]


@pytest.fixture
def cleaned(tmp_path: Path, clean_into: Cleaned) -> Cleaned:
    """The same below the test's own directory."""
    return partial(clean_into, tmp_path)


@pytest.fixture(scope="session")
def clean_into() -> Cleaned:
    """Clean rows below a directory: a list for each file, by its name; settings of the stage besides."""

    def run(base: Path, files: dict[str, list[Any]], into: str = "corpus", **settings: Any) -> Subject:
        number = len(list(base.glob("out*")))
        folder = base / f"raw{number}"
        for name, rows in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        config = CleanConfig.model_validate({"do": "clean", "into": into, "from": "raw", **settings})
        out = base / f"out{number}"
        out.mkdir()
        workspace = Workspace.open(base / "workspace")
        context = StageContext(
            name="texts",
            workspace=workspace,
            store=ArtifactStore(workspace.artifacts),
            reporter=Reporter(),
            directory=base / f"work{number}",
            inputs={},
            sources={"from": [Source(folder, SourceRecord(uri="raw", sha256="0" * 64, num_bytes=0))]},
        )
        facts = stage.run(config, context, out)
        return Subject(
            "texts", config.kind, out, facts, ["raw"], config, id=f"{number:016x}", created="2026-01-01T00:00"
        )

    return run


def prose(seed: int, num_sentences: int) -> str:
    """Sentences of twelve words that a seed draws."""
    draw = random.Random(seed)
    sentences = (" ".join(draw.choices(WORDS, k=12)) for _ in range(num_sentences))
    return "\n".join(f"{sentence.capitalize()}." for sentence in sentences)


def texts_of_many_lengths(number: int, first: int = 0) -> list[dict[str, Any]]:
    """Rows of one to twelve sentences, each different."""
    return [{"text": prose(seed, 1 + seed % 12)} for seed in range(first, first + number)]


@pytest.fixture(scope="session")
def many() -> Callable[..., list[dict[str, Any]]]:
    """See `texts_of_many_lengths`."""
    return texts_of_many_lengths
