"""``danlu run`` on documents of `benchmarks.data_texts`, and what comes out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, run_command, run_recipe
from danlu.artifacts.store import hash_file

RECIPE = REPOSITORY / "benchmarks" / "data.yaml"
STAGE = "texts"


def settings(texts: Path, processes: int) -> list[str]:
    """Arguments of ``danlu run``."""
    return ["--set", f"{STAGE}.from={texts}", "--set", f"{STAGE}.processes={processes}"]


def command(texts: Path, workspace: Path, processes: int) -> list[str]:
    return run_command(RECIPE, workspace, *settings(texts, processes))


def run(texts: Path, workspace: Path, processes: int) -> dict[str, Any]:
    """Facts of the stage: seconds, memory, where the artifact lies, and its own facts."""
    found: dict[str, Any] = run_recipe(RECIPE, workspace, *settings(texts, processes))["stages"][STAGE]
    return found


def hashes(artifact: Path) -> dict[str, str]:
    """SHA-256 of each file of the payload."""
    return {path.name: hash_file(path) for path in sorted(artifact.glob("*.parquet"))}
